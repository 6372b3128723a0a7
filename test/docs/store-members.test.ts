import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { z } from 'zod';
import {
  assertionSchema,
  clientSchema,
  flowSchema,
  grantSchema,
  registrationSchema,
  stepUpSchema,
} from '../../src/adapters/store/record-schemas.ts';
import type { RecordKind } from '../../src/application/ports.ts';

/** The part of a JSON Schema that names members. */
interface Described {
  readonly anyOf?: readonly Described[];
  readonly oneOf?: readonly Described[];
  readonly items?: Described;
  readonly properties?: Readonly<Record<string, Described>>;
}

/** Every member, down to the last: `code.hash`, `access[].hash`. */
function membersOf(described: Described, path = ''): readonly string[] {
  const { anyOf = [], oneOf = [], items, properties = {} } = described;
  const forms = [...anyOf, ...oneOf].flatMap((form) => membersOf(form, path));
  const own = Object.entries(properties).flatMap(([name, member]) => {
    const full = path === '' ? name : `${path}.${name}`;
    const inner = membersOf(member, full);
    return inner.length === 0 ? [full] : inner;
  });
  const listed = items === undefined ? [] : membersOf(items, `${path}[]`);
  return [...new Set([...forms, ...own, ...listed])];
}

describe('docs/store.md', () => {
  const text = readFileSync('docs/store.md', 'utf8');
  const kinds: Readonly<Record<RecordKind, z.ZodType>> = {
    flows: flowSchema,
    clients: clientSchema,
    grants: grantSchema,
    registrations: registrationSchema,
    assertions: assertionSchema,
    stepUps: stepUpSchema,
  };
  for (const [kind, schema] of Object.entries(kinds)) {
    it(`tells of every member of ${kind}, and of no other`, () => {
      const section = text.split(`### ${kind}\n`)[1]?.split(/^##/m)[0] ?? '';
      const told = [...section.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) =>
        [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
      );

      const described = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });

      assert.deepEqual(told.sort(), [...membersOf(described as Described)].sort());
    });
  }
});
