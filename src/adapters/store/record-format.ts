import type { ZodType } from 'zod';
import {
  type RecordKind,
  type RecordOf,
  UnreadableRecord,
  type Version,
  type Versioned,
} from '../../application/ports.ts';
import type { EpochSeconds } from '../../domain/lifetime.ts';
import {
  assertionSchema,
  clientSchema,
  flowSchema,
  grantSchema,
  registrationSchema,
  stepUpSchema,
} from './record-schemas.ts';

/** A record as a store holds it. */
export interface StoredRecord<Value> extends Versioned<Value> {
  readonly expiresAt: EpochSeconds;
}

/** Turns the members of a record of one schema version into those of the next. */
export type Upgrade = (members: unknown) => unknown;

/** How records are spelled in a store, by the schema version that wrote them. */
export interface Schema {
  /** The version that is written. */
  readonly version: number;
  /** By the version they start from; a kind that did not change needs none. */
  readonly upgrades: Readonly<Record<number, Partial<Record<RecordKind, Upgrade>>>>;
}

/** The schema of this release. Whoever changes a record so that an older one no longer reads raises it, and says how to get there. */
export const currentSchema: Schema = { version: 1, upgrades: {} };

/** Spells and reads the records of one kind: `<version> <expiry> <schema version> <JSON>`. */
export interface RecordFormat<Value> {
  spell(record: StoredRecord<Value>): string;
  /** Throws {@link UnreadableRecord} where the text cannot be read: it must not pass for a record that is not there. */
  read(text: string): StoredRecord<Value>;
}

const valueSchemas: { readonly [Name in RecordKind]: ZodType<RecordOf<Name>> } = {
  flows: flowSchema,
  clients: clientSchema,
  grants: grantSchema,
  registrations: registrationSchema,
  assertions: assertionSchema,
  stepUps: stepUpSchema,
};

const head = /^(\d{1,16}) (\d{1,16}) (\d{1,6}) /;

/** The format of one kind of record under a schema. A record of an older version is upgraded as it is read, and written anew with its next change. */
export function recordFormat<Name extends RecordKind>(
  kind: Name,
  schema: Schema,
): RecordFormat<RecordOf<Name>> {
  const valueSchema: ZodType<RecordOf<Name>> = valueSchemas[kind];
  return {
    spell: ({ version, expiresAt, value }) =>
      `${version} ${expiresAt} ${schema.version} ${JSON.stringify(value, nothingLeftOut)}`,
    read: (text) => {
      const [start = '', version, expiresAt, writtenBy] = head.exec(text) ?? [];
      if (Number(writtenBy) > schema.version) throw new UnreadableRecord(newerRecord);
      const members = upgraded(parsed(text.slice(start.length)), kind, Number(writtenBy), schema);
      const value = valueSchema.safeParse(members);
      // Not with zod's own words: they could show what stands in the record.
      if (!value.success) throw new UnreadableRecord(`A record of the ${kind} cannot be read.`);
      return {
        version: Number(version) as Version,
        expiresAt: Number(expiresAt) as EpochSeconds,
        value: value.data,
      };
    },
  };
}

/** JSON knows no `undefined`, and would leave the member out. */
function nothingLeftOut(_member: string, value: unknown): unknown {
  return value === undefined ? null : value;
}

const newerRecord = 'A record was written by a newer version of the gateway.';

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function upgraded(members: unknown, kind: RecordKind, writtenBy: number, schema: Schema): unknown {
  let current = members;
  for (let version = writtenBy; version < schema.version; version += 1) {
    const upgrade = schema.upgrades[version]?.[kind];
    if (upgrade !== undefined) current = upgrade(current);
  }
  return current;
}
