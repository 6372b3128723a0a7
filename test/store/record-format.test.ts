import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  currentSchema,
  recordFormat,
  type Schema,
} from '../../src/adapters/store/record-format.ts';
import { recordKey } from '../../src/adapters/store/record-key.ts';
import { recordKinds, sampleRecord } from '../../src/adapters/testing/sample-records.ts';
import { type RecordOf, StoreUnavailable, type Version } from '../../src/application/ports.ts';
import type { Flow } from '../../src/domain/authorization-flow.ts';
import type { Client } from '../../src/domain/client-registration.ts';
import { endGrant, type LiveGrant } from '../../src/domain/grant.ts';
import { epochSeconds } from '../../src/domain/lifetime.ts';
import type { Sealed } from '../../src/domain/sealing.ts';

const version = 281_474_976_710_656 as Version;
const expiresAt = epochSeconds(1_800_000_000);

/** What becomes of a value that is written and read again. */
function reread<Name extends (typeof recordKinds)[number]>(
  kind: Name,
  value: unknown,
  schema: Schema = currentSchema,
): unknown {
  const text = recordFormat(kind, currentSchema).spell({
    version,
    expiresAt,
    value: value as RecordOf<Name>,
  });
  const record = recordFormat(kind, schema).read(text);
  assert.equal(record.version, version);
  assert.equal(record.expiresAt, expiresAt);
  return record.value;
}

describe('a record in a store', () => {
  for (const kind of recordKinds) {
    it(`comes back member for member: ${kind}`, () => {
      const value = sampleRecord(kind, 'a"name"<with>\\everything');

      assert.deepEqual(reread(kind, value), value);
    });
  }

  it('comes back at every stage of a flow', () => {
    const consent = sampleRecord('flows', 'alice') as Extract<Flow, { stage: 'consent' }>;
    const { id, request, expiresAt: end, browser } = consent;
    const binding = { server: 'https://as', clientId: 'us', resource: undefined, scope: 'read' };
    const flows: readonly Flow[] = [
      { stage: 'started', id, request, expiresAt: end },
      { stage: 'sign_in', id, request, expiresAt: end, browser },
      consent,
      { ...consent, stage: 'upstream', ask: undefined },
      { ...consent, stage: 'upstream', ask: { binding, again: false } },
      { ...consent, stage: 'returned', ask: { binding, again: true } },
      { stage: 'finished', id, request, expiresAt: end },
    ];

    for (const flow of flows) assert.deepEqual(reread('flows', flow), flow);
  });

  it('comes back with all that a grant can hold, and when it is over', () => {
    const grant = sampleRecord('grants', 'alice') as LiveGrant;
    const busy = { ...grant, claim: { owner: 'one', until: expiresAt } };
    const ended = endGrant(grant, 'refresh_replayed', 'sealed' as Sealed, expiresAt);

    assert.deepEqual(reread('grants', busy), busy);
    assert.deepEqual(reread('grants', ended), ended);
  });
});

describe('a record of another schema', () => {
  /** Made-up schemas to come: each changes the names of clients, and nothing else. */
  const later: Schema = {
    version: 3,
    upgrades: {
      1: { clients: (members) => ({ ...(members as object), name: 'Nameless' }) },
      2: {
        clients: (members) => ({ ...(members as Client), name: `${(members as Client).name} II` }),
      },
    },
  };
  const client = sampleRecord('clients', 'old') as Client;

  it('is upgraded step by step as it is read, and left alone where its kind did not change', () => {
    assert.equal((reread('clients', client, later) as Client).name, 'Nameless II');
    const flow = sampleRecord('flows', 'old');
    assert.deepEqual(reread('flows', flow, later), flow);
  });

  it('is refused where it is newer', () => {
    const text = recordFormat('clients', later).spell({ version, expiresAt, value: client });

    assert.throws(() => recordFormat('clients', currentSchema).read(text), StoreUnavailable);
  });

  it('is refused where it is damaged, without showing it', () => {
    const format = recordFormat('clients', currentSchema);
    const text = format.spell({ version, expiresAt, value: client });

    for (const damaged of ['', '{}', text.slice(0, -1), text.replace('"old"', '7'), `x${text}`]) {
      assert.throws(
        () => format.read(damaged),
        (error) => {
          assert.ok(error instanceof StoreUnavailable);
          assert.equal(error.message, 'A record of the clients cannot be read.');
          return true;
        },
      );
    }
  });
});

describe('the name of a record', () => {
  it('is its key where that is a short plain word', () => {
    assert.equal(recordKey('AZaz09_-'), 'AZaz09_-');
  });

  it('is a hash of whatever else a stranger presents, and never the name of another', () => {
    const keys = ['', '#', 'a b', '../x', 'a\u0000', '{a}b', 'ü', 'k'.repeat(129)];

    const names = keys.map(recordKey);

    for (const name of names) assert.match(name, /^#[A-Za-z0-9_-]{43}$/);
    assert.equal(new Set(names).size, keys.length);
    assert.notEqual(recordKey(names[0] ?? ''), names[0]);
  });
});
