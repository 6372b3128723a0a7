/** How the gateway can say at a token endpoint who it is (RFC 6749 §2.3, RFC 7523 §2.2). */
export const upstreamAuthMethods = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const;

/** One of {@link upstreamAuthMethods}. */
export type UpstreamAuthMethod = (typeof upstreamAuthMethods)[number];

/** The gateway as an upstream knows it. */
export interface UpstreamClient {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly method: UpstreamAuthMethod;
}

/** What the choice of a method rests on, the strongest first. */
export interface AuthMethodFacts {
  /** The operator's word. */
  readonly configured: UpstreamAuthMethod | undefined;
  /** What the upstream answered at registration (RFC 7591 §3.2.1). */
  readonly answered: string | undefined;
  /** What is known of this upstream. */
  readonly preset: UpstreamAuthMethod | undefined;
  /** What the server lists (RFC 8414 §2: an absent list means Basic). */
  readonly listed: readonly string[] | undefined;
  readonly hasSecret: boolean;
  readonly hasKey: boolean;
}

/** The method for a client that exists. A secret that was given although none was asked for is used from then on (Figma). */
export function authMethodFor(facts: AuthMethodFacts): UpstreamAuthMethod {
  const { configured, answered, preset, listed = [], hasSecret } = facts;
  if (configured !== undefined) return configured;
  if (answered === 'private_key_jwt' && facts.hasKey) return answered;
  if (!hasSecret) return facts.hasKey && canUseKey(facts) ? 'private_key_jwt' : 'none';
  if (preset !== undefined) return preset;
  if (answered === 'client_secret_basic' || answered === 'client_secret_post') return answered;
  const postOnly = !listed.includes('client_secret_basic') && listed.includes('client_secret_post');
  return postOnly ? 'client_secret_post' : 'client_secret_basic';
}

/** A key that the operator gave is used unless the server lists other methods only. */
function canUseKey({ listed }: Pick<AuthMethodFacts, 'listed'>): boolean {
  return listed?.includes('private_key_jwt') ?? true;
}

/**
 * The method of a client that is known by its document, which can name a key but no secret; `undefined` where neither the operator nor the
 * server would have any that it could name.
 */
export function authMethodOfDocument(
  facts: Pick<AuthMethodFacts, 'configured' | 'listed' | 'hasKey'>,
): 'none' | 'private_key_jwt' | undefined {
  const { configured, hasKey } = facts;
  if (configured === 'none' || configured === 'private_key_jwt') return configured;
  if (configured !== undefined) return undefined;
  if (!hasKey) return 'none';
  return canUseKey(facts) ? 'private_key_jwt' : undefined;
}

/**
 * The method for a client that registered before, as the operator wants it now; `undefined` where it cannot do that: a public one has no secret
 * to show, and a key has to be named when registering.
 */
export function authMethodOfKept(
  { method, clientSecret }: UpstreamClient,
  { configured, hasKey }: Pick<AuthMethodFacts, 'configured' | 'hasKey'>,
): UpstreamAuthMethod | undefined {
  const wanted = configured ?? method;
  if (wanted === 'private_key_jwt') return method === wanted && hasKey ? wanted : undefined;
  // As it was registered: if that is not good enough, the server will say so.
  if (wanted === method) return wanted;
  return wanted !== 'none' && clientSecret !== undefined ? wanted : undefined;
}

/**
 * The method to register with: a confidential one where there is one, since some upstreams refresh or accept nothing of a public client
 * (RFC 9700 §2.5).
 */
export function authMethodToRegister(
  facts: Omit<AuthMethodFacts, 'answered' | 'hasSecret'>,
): UpstreamAuthMethod {
  const { configured, preset, listed, hasKey } = facts;
  if (configured !== undefined) return configured;
  if (hasKey && listed?.includes('private_key_jwt')) return 'private_key_jwt';
  if (preset !== undefined) return preset;
  return preferred.find((method) => listed?.includes(method)) ?? 'client_secret_basic';
}

const preferred = ['client_secret_basic', 'client_secret_post', 'none'] as const;
