import type {
  ClientAssertions,
  ClientDocuments,
  DocumentFailure,
  FetchedDocument,
} from '../../application/ports.ts';
import type { ClientMetadataDocument } from '../../domain/client-document.ts';
import type { AssertionClaims, ClientKey } from '../../domain/client-keys.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import { type Gate, gate } from './gate.ts';

/** The sites of clients, without a network. */
export interface FakeClientDocuments extends ClientDocuments {
  /** What is published, by URL; may be changed at any time. */
  readonly documents: Map<string, ClientMetadataDocument>;
  readonly keySets: Map<string, readonly ClientKey[]>;
  /** The URLs that were asked for so far, one entry per request. */
  readonly asked: readonly string[];
  /** How long documents may be taken for current, by their HTTP headers (seconds). */
  freshFor: number;
  /** While set, nothing can be fetched. */
  trouble: DocumentFailure | undefined;
  /** The next answer is held back until the gate is opened. */
  holdNextAnswer(): Gate;
}

/** Makes sites that publish nothing yet: what is not there is refused, as by a 404. */
export function fakeClientDocuments(): FakeClientDocuments {
  const asked: string[] = [];
  let held: Gate | undefined;

  const answer = async <Value>(
    published: ReadonlyMap<string, Value>,
    url: string,
  ): Promise<Result<FetchedDocument<Value>, DocumentFailure>> => {
    asked.push(url);
    const heldBy = held;
    held = undefined;
    await heldBy?.pass();
    if (fake.trouble !== undefined) return failure(fake.trouble);
    const value = published.get(url);
    return value === undefined
      ? failure({ kind: 'refused', reason: 'its server answered 404' })
      : success({ value, freshFor: fake.freshFor });
  };

  const fake: FakeClientDocuments = {
    documents: new Map(),
    keySets: new Map(),
    asked,
    freshFor: 0,
    trouble: undefined,
    holdNextAnswer: () => {
      held = gate();
      return held;
    },
    metadata: (url) => answer(fake.documents, url),
    keys: (url) => answer(fake.keySets, url),
  };
  return fake;
}

/** Assertions that anybody can write and read: the claims, and the `kid` of the key that is said to have signed them. */
export const fakeAssertions: ClientAssertions = {
  read: (assertion) => parsed(assertion)?.claims,
  isSignedBy: (assertion, keys) =>
    Promise.resolve(keys.some(({ kid }) => kid === parsed(assertion)?.signedBy)),
};

/** Writes an assertion for {@link fakeAssertions}. */
export function fakeAssertion(claims: AssertionClaims, signedBy: string): string {
  return JSON.stringify({ claims, signedBy });
}

function parsed(
  assertion: string,
): { readonly claims: AssertionClaims; readonly signedBy: string } | undefined {
  return assertion.startsWith('{') ? JSON.parse(assertion) : undefined;
}
