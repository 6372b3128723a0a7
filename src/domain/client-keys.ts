import type { EpochSeconds, Seconds } from './lifetime.ts';

/** A public key as a JSON Web Key (RFC 7517 §4): its public members only, as the client wrote them. */
export type ClientKey = Readonly<Record<string, string>>;

/** Where a client's public keys are: in its metadata, or at a URL of its own (RFC 7591 §2, `jwks` and `jwks_uri`). */
export type KeySource =
  | { readonly type: 'inline'; readonly keys: readonly ClientKey[] }
  | { readonly type: 'url'; readonly url: string };

const publicMembers = ['kty', 'kid', 'alg', 'use', 'crv', 'x', 'y', 'n', 'e'];
const longestMember = 4096;
const mostKeys = 64;

/**
 * The public keys of a JSON Web Key Set (RFC 7517 §5), `undefined` where it is none. Keys that are none are left out, and of the others
 * what is not public: a private member that slipped in is not kept.
 */
export function publicKeys(set: unknown): readonly ClientKey[] | undefined {
  if (!isObject(set) || !Array.isArray(set.keys)) return undefined;
  return set.keys.slice(0, mostKeys).flatMap((key: unknown) => {
    const members = isObject(key) ? publicMembers.map((name) => [name, key[name]] as const) : [];
    const sound = members.filter((each): each is readonly [string, string] => isSound(each[1]));
    return sound.some(([name]) => name === 'kty') ? [Object.fromEntries(sound)] : [];
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isSound(member: unknown): boolean {
  return typeof member === 'string' && member !== '' && member.length <= longestMember;
}

/** Where keys are, by `jwks` and `jwks_uri` as they came; both at once are neither (RFC 7591 §2). */
export function keySource(jwks: unknown, jwksUri: unknown): KeySource | undefined {
  const keys = publicKeys(jwks);
  const url = typeof jwksUri === 'string' && jwksUri !== '' ? jwksUri : undefined;
  if (keys === undefined) return url === undefined ? undefined : { type: 'url', url };
  return url === undefined ? { type: 'inline', keys } : undefined;
}

/** How a client proves itself by signed assertions (private_key_jwt, RFC 7523 §2.2). */
export interface ClientKeys {
  readonly source: KeySource;
  /** False where the client may also come without an assertion: its document offers `none` too. */
  readonly required: boolean;
}

/**
 * The signature algorithms that assertions may have, for the metadata and the verifier alike: asymmetric ones only. A symmetric one would
 * take a public key for a shared secret.
 */
export const assertionAlgorithms: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519', // RFC 9864: the same, by its full name
];

/** What an assertion says (RFC 7519 §4.1), before anything of it is believed. */
export interface AssertionClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: readonly string[];
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
  /** `jti`. */
  readonly id: string | undefined;
}

/** Longest time that an assertion may still be good for (seconds); clients make them for minutes. */
const longestLife = 3600;

/** What is wrong with an assertion by RFC 7523 §3, besides its signature and its use; `undefined` where nothing is. */
export function assertionFault(
  claims: AssertionClaims,
  expected: { readonly client: string; readonly audiences: readonly string[] },
  now: EpochSeconds,
  skew: Seconds,
): string | undefined {
  const { issuer, subject, audience, expiresAt, notBefore, issuedAt } = claims;
  if (issuer !== expected.client || subject !== expected.client) {
    return 'iss and sub must both be the client’s id';
  }
  // Made for another server too, it could have been handed on by that server.
  if (audience.length === 0 || !audience.every((each) => expected.audiences.includes(each))) {
    return 'aud must be this server’s issuer or token endpoint, and nothing else';
  }
  if (now >= expiresAt + skew) return 'exp is over';
  if (expiresAt > now + skew + longestLife) return 'exp is more than an hour ahead';
  if (notBefore !== undefined && notBefore > now + skew) return 'nbf is yet to come';
  if (issuedAt !== undefined && issuedAt > now + skew) return 'iat is yet to come';
  return undefined;
}

/** What an assertion's audience may be (RFC 7523 §3 item 3): the issuer or the token endpoint, under each URL of this gateway. */
export function assertionAudiences(bases: readonly string[]): readonly string[] {
  return bases.flatMap((base) => [base, `${base}/token`]);
}
