import type { LiveGrant, TokenPolicy } from '../domain/grant.ts';
import { type AccessVerdict, judgeAccess, withPresented } from '../domain/grant-access.ts';
import { type GatewayKeys, unwrapSealKey } from '../domain/grant-keys.ts';
import { isUpstreamSpent, tokensOfGrant, withRefusedUpstream } from '../domain/grant-upstream.ts';
import type { EpochSeconds } from '../domain/lifetime.ts';
import {
  type GrantId,
  type PresentedToken,
  readPresentedToken,
  type UpstreamToken,
} from '../domain/token-pair.ts';
import { grantFacts } from './events.ts';
import { whereLive, writeGrant } from './live-grants.ts';
import type { Ports, Versioned } from './ports.ts';
import type { RenewUpstreamTokens } from './renew-upstream-tokens.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/** What an access token opens. */
export type McpAuthorization =
  /** The upstream token to forward with, and which version of the grant's it is. */
  | {
      readonly type: 'authorized';
      readonly grant: GrantId;
      readonly token: UpstreamToken;
      readonly version: number;
    }
  /** The client is told to get a new token (RFC 6750 §3.1). */
  | { readonly type: 'invalid_token' }
  /** The upstream's tokens have to be renewed first, and cannot be just now. */
  | { readonly type: 'unavailable'; readonly retryAfter: number | undefined };

/** Decides about calls to /mcp. */
export interface AuthorizeMcpCall {
  /** The upstream token for a presented access token. */
  authorize(bearer: string): Promise<McpAuthorization>;
  /**
   * Another upstream token after the upstream refused the one of this version: a newer one that is there already, or
   * (`mayRenew`) a renewed one. Where there is none to be had the grant is marked, and the client has to go to /token.
   */
  afterRefusal(bearer: string, version: number, mayRenew: boolean): Promise<McpAuthorization>;
}

interface AuthorizeParts {
  readonly ports: Pick<Ports, 'clock' | 'store' | 'events'>;
  readonly renew: RenewUpstreamTokens;
  readonly upstream: Pick<KnownUpstream, 'doubt'>;
  /** The MCP URL that tokens have to be for (RFC 8707 §2). */
  readonly resource: () => string;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** A live access token, and the grant it was found in. */
interface Access {
  readonly held: Versioned<LiveGrant>;
  readonly presented: PresentedToken;
  readonly verdict: Extract<AccessVerdict, { type: 'live' }>;
}

/** One whose upstream half is good as it is. */
interface AtRest extends Access {
  readonly presented: PresentedToken & { readonly upstream: UpstreamToken };
}

/** One look at a call; `overtaken` where another writer of the grant was faster. */
type Attempt = McpAuthorization | { readonly type: 'overtaken' };

/** The use case on the hot path of /mcp: a hash, a look-up, a comparison, unless something has to be renewed. */
export function authorizeMcpCall(parts: AuthorizeParts): AuthorizeMcpCall {
  return {
    async authorize(bearer) {
      const access = await accessOf(parts, bearer);
      if (access === undefined) return invalidToken;
      if (isAtRest(parts, access)) return authorized(access.held.value, access.presented.upstream);
      const first = await admit(parts, access);
      return first.type === 'overtaken'
        ? settle(parts, bearer, (each) => admit(parts, each))
        : first;
    },
    afterRefusal: (bearer, version, mayRenew) => {
      // It may be that the upstream trusts another authorization server now.
      parts.upstream.doubt();
      return settle(parts, bearer, (access) => replace(parts, access, version, mayRenew));
    },
  };
}

const invalidToken = { type: 'invalid_token' } as const;
const overtaken = { type: 'overtaken' } as const;

/** As often as a call may be overtaken by other writers of its grant before its client is asked to come back. */
const rounds = 20;

async function settle(
  parts: AuthorizeParts,
  bearer: string,
  attempt: (access: Access) => Promise<Attempt>,
): Promise<McpAuthorization> {
  for (let round = 0; round < rounds; round += 1) {
    const access = await accessOf(parts, bearer);
    const settled = access ? await attempt(access) : invalidToken;
    if (settled.type !== 'overtaken') return settled;
  }
  return { type: 'unavailable', retryAfter: 1 };
}

async function accessOf(
  { ports, policy, resource }: AuthorizeParts,
  bearer: string,
): Promise<Access | undefined> {
  const presented = readPresentedToken(bearer);
  if (presented === undefined) return undefined;
  const held = whereLive(await ports.store.grants.read(presented.gateway.grant));
  if (held === undefined || held.value.resource !== resource()) return undefined;
  const verdict = judgeAccess(held.value, presented, policy, ports.clock.now());
  return verdict.type === 'live' ? { held, presented, verdict } : undefined;
}

/** Nothing to write, to renew or to open: nearly every call, which therefore waits for the store and nothing else. */
function isAtRest({ ports }: AuthorizeParts, access: Access): access is AtRest {
  const { held, presented, verdict } = access;
  return (
    verdict.newest &&
    presented.upstream !== undefined &&
    verdict.entry.generation <= held.value.presented &&
    !isToBeRenewed(held.value, ports.clock.now())
  );
}

function isToBeRenewed(grant: LiveGrant, now: EpochSeconds): boolean {
  const { renewable, refused } = grant.upstream;
  return renewable && !refused && isUpstreamSpent(grant, now);
}

async function admit(parts: AuthorizeParts, access: Access): Promise<Attempt> {
  const { ports, policy } = parts;
  const { held, presented, verdict } = access;
  if (verdict.entry.generation > held.value.presented) {
    const presentedNow = withPresented(held.value, verdict.entry.generation);
    const marked = await writeGrant(ports, policy, held, presentedNow);
    if (marked === undefined) return overtaken;
    const { generation } = verdict.entry;
    ports.events.emit({ type: 'tokens_first_used', generation, ...grantFacts(marked.value) });
    return admit(parts, { ...access, held: marked });
  }
  if (isToBeRenewed(held.value, ports.clock.now())) return renewed(parts, access);
  if (verdict.newest && presented.upstream !== undefined) {
    return authorized(held.value, presented.upstream);
  }
  return newestToken(parts, access);
}

async function replace(
  parts: AuthorizeParts,
  access: Access,
  version: number,
  mayRenew: boolean,
): Promise<Attempt> {
  const { held } = access;
  const { upstream, id } = held.value;
  if (upstream.version > version) return newestToken(parts, access);
  if (mayRenew && upstream.renewable && !upstream.refused) return renewed(parts, access);
  if (!upstream.refused) {
    const refused = withRefusedUpstream(held.value, version, parts.ports.clock.now());
    const marked = await writeGrant(parts.ports, parts.policy, held, refused);
    if (marked === undefined) return overtaken;
    parts.ports.events.emit({ type: 'upstream_token_refused', grant: id });
  }
  return invalidToken;
}

/** The newest upstream token out of the grant, for a token that carries an older one or none. */
function newestToken(parts: AuthorizeParts, access: Access): Attempt {
  const opened = openedBy(parts, access);
  if (opened === undefined) return invalidToken;
  return authorized(access.held.value, opened.tokens.access);
}

async function renewed(parts: AuthorizeParts, access: Access): Promise<Attempt> {
  const opened = openedBy(parts, access);
  if (opened === undefined) return invalidToken;
  const renewal = await parts.renew(access.held, opened.key, opened.tokens, (grant) => grant);
  switch (renewal.type) {
    case 'renewed':
      return authorized(renewal.stored.value, renewal.tokens.access);
    case 'refused':
      return invalidToken;
    case 'overtaken':
    case 'unavailable':
      return renewal;
  }
}

function authorized({ id, upstream }: LiveGrant, token: UpstreamToken): McpAuthorization {
  return { type: 'authorized', grant: id, token, version: upstream.version };
}

function openedBy({ keys }: AuthorizeParts, { held, presented, verdict }: Access) {
  const { grant, secret } = presented.gateway;
  const key = unwrapSealKey(verdict.entry.wrap, secret, grant, keys);
  const tokens = key && tokensOfGrant(held.value, key);
  return key && tokens ? { key, tokens } : undefined;
}
