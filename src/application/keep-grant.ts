import type { Flow } from '../domain/authorization-flow.ts';
import { keptUntil, type TokenPolicy } from '../domain/grant.ts';
import { type GrantSecrets, issueGrant } from '../domain/grant-code.ts';
import { dataKey, type GatewayKeys } from '../domain/grant-keys.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { type GrantId, grantOfFlow, spellGatewayToken, tokenSecret } from '../domain/token-pair.ts';
import type { UpstreamTokens } from '../domain/upstream-tokens.ts';
import type { Ports } from './ports.ts';

/** A flow whose user has signed in, consented, and been at the upstream. */
export type ReturnedFlow = Extract<Flow, { stage: 'returned' }>;

/** A new grant, and the code for its client. */
export interface IssuedCode {
  readonly grant: GrantId;
  readonly code: string;
}

/** Keeps what the user allowed as a grant, with only its code out. */
export type KeepGrant = (
  flow: ReturnedFlow,
  tokens: UpstreamTokens,
) => Promise<Result<IssuedCode, OAuthError>>;

interface KeepParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store'>;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** The end of every sign-in, with or without a screen 2. */
export function keepGrant({ ports, keys, policy }: KeepParts): KeepGrant {
  return async ({ id: flow, request, subject }, tokens) => {
    const { clientId, resource, redirectUri, challenge } = request;
    const id = grantOfFlow(flow);
    const secrets: GrantSecrets = {
      key: dataKey(ports.random.bytes(32)),
      code: tokenSecret(ports.random.bytes(32)),
      nonce: ports.random.bytes(12),
    };
    const allowed = { id, clientId, subject, resource, redirectUri, challenge };
    const grant = issueGrant(allowed, tokens, secrets, keys, policy, ports.clock.now());
    const outcome = await ports.store.grants.write(id, grant, undefined, keptUntil(grant, policy));
    return outcome.type === 'written'
      ? success({ grant: id, code: spellGatewayToken({ grant: id, secret: secrets.code }) })
      : failure(
          oauthError('temporarily_unavailable', 'Too many grants are in force: try later.', 60),
        );
  };
}
