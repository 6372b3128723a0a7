import type { Brand } from './brand.ts';
import { deriveKey, type Sealed, type SealingKey, seal, sealingKey, unseal } from './sealing.ts';
import { type GrantId, type TokenSecret, tokenSecret, type UpstreamToken } from './token-pair.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/** K: the random key of one grant. No store ever holds it; it lives wrapped under the secrets that clients hold. */
export type DataKey = Brand<Uint8Array, 'DataKey'>;

/** The key of the gateway, never in a store: a stolen store and a stolen token together still need it. */
export interface GatewayKeys {
  readonly current: SealingKey;
  /** Still read, never written with, after a rotation. */
  readonly previous: readonly SealingKey[];
}

/** What an entry wraps a key for. */
export type EntryKind = 'code' | 'access' | 'refresh';

/** Takes 32 random bytes as the data key of a new grant. */
export function dataKey(random: Uint8Array): DataKey {
  return random as DataKey;
}

/** S: the key that seals the upstream tokens. It follows from the data key; the data key does not follow from it. */
export function sealKeyOf(key: DataKey): SealingKey {
  return deriveKey(key, '', 'seal');
}

/** The secret of a generation's half: whoever holds the data key can compute the newest pair again. */
export function halfSecret(
  key: DataKey,
  kind: 'access' | 'refresh',
  generation: number,
): TokenSecret {
  return tokenSecret(deriveKey(key, '', `half ${kind} ${generation}`));
}

/** The second half of a refresh pair where the upstream gave no refresh token: bound like any other, never sent upstream. */
export function placeholderHalf(key: DataKey): UpstreamToken {
  return tokenSecret(deriveKey(key, '', 'placeholder')) as string as UpstreamToken;
}

/** Wraps a key under a secret that only a client holds, and the gateway key. */
export function wrapKey(
  key: Uint8Array,
  secret: TokenSecret,
  grant: GrantId,
  kind: EntryKind,
  keys: GatewayKeys,
): Sealed {
  // Each wrapping key serves for one text, so that its nonce need not be random.
  return seal(wrappingKey(secret, keys.current, kind), new Uint8Array(12), key, grant);
}

/** Unwraps what {@link wrapKey} wrapped, also under a previous gateway key; `undefined` where none opens it. */
export function unwrapKey(
  wrap: Sealed,
  secret: TokenSecret,
  grant: GrantId,
  kind: EntryKind,
  keys: GatewayKeys,
): Uint8Array | undefined {
  for (const key of [keys.current, ...keys.previous]) {
    const opened = unseal(wrappingKey(secret, key, kind), wrap, grant);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

function wrappingKey(secret: TokenSecret, gatewayKey: SealingKey, kind: EntryKind): SealingKey {
  return deriveKey(secret, gatewayKey, `wrap ${kind}`);
}

/** Unwraps the data key under a code or a refresh half. */
export function unwrapDataKey(
  wrap: Sealed,
  secret: TokenSecret,
  grant: GrantId,
  kind: 'code' | 'refresh',
  keys: GatewayKeys,
): DataKey | undefined {
  return unwrapKey(wrap, secret, grant, kind, keys) as DataKey | undefined;
}

/** Unwraps the sealing key under an access half. */
export function unwrapSealKey(
  wrap: Sealed,
  secret: TokenSecret,
  grant: GrantId,
  keys: GatewayKeys,
): SealingKey | undefined {
  const bytes = unwrapKey(wrap, secret, grant, 'access', keys);
  return bytes && sealingKey(bytes);
}

/** Seals upstream tokens for one version of one grant. The nonce is 12 random bytes. */
export function sealTokens(
  key: SealingKey,
  nonce: Uint8Array,
  tokens: UpstreamTokens,
  grant: GrantId,
  version: number,
): Sealed {
  return seal(key, nonce, JSON.stringify(tokens), `${grant} ${version}`);
}

/** Opens sealed upstream tokens; `undefined` where the key, the grant or the version is another. */
export function openTokens(
  key: SealingKey,
  sealed: Sealed,
  grant: GrantId,
  version: number,
): UpstreamTokens | undefined {
  const bytes = unseal(key, sealed, `${grant} ${version}`);
  if (bytes === undefined) return undefined;
  // Authenticated: these are the very bytes that sealTokens wrote.
  const tokens = JSON.parse(Buffer.from(bytes).toString()) as UpstreamTokens;
  const { access, refresh, expiresAt, scope, binding } = tokens; // JSON leaves out what is undefined
  return { access, refresh, expiresAt, scope, binding };
}
