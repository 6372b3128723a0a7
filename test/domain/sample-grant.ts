import assert from 'node:assert/strict';
import { clientId } from '../../src/domain/client-registration.ts';
import { newFlowId } from '../../src/domain/flow-secrets.ts';
import type { LiveGrant, OpenGrant, Subject, TokenPolicy } from '../../src/domain/grant.ts';
import { withPresented } from '../../src/domain/grant-access.ts';
import { issueGrant, withUsedCode } from '../../src/domain/grant-code.ts';
import { dataKey, type GatewayKeys, sealKeyOf } from '../../src/domain/grant-keys.ts';
import { moveGeneration, newestPair, type TokenAnswer } from '../../src/domain/grant-rotation.ts';
import { sealedState, withSealedTokens } from '../../src/domain/grant-upstream.ts';
import { type EpochSeconds, epochSeconds, seconds } from '../../src/domain/lifetime.ts';
import { codeChallengeOf } from '../../src/domain/pkce.ts';
import { type RedirectUri, redirectUri } from '../../src/domain/redirect-uri.ts';
import { type SealingKey, sealingKey } from '../../src/domain/sealing.ts';
import {
  grantOfFlow,
  type PresentedToken,
  readPresentedToken,
  tokenSecret,
  type UpstreamToken,
  upstreamToken,
} from '../../src/domain/token-pair.ts';
import type { UpstreamBinding } from '../../src/domain/upstream-request.ts';
import type { UpstreamTokens } from '../../src/domain/upstream-tokens.ts';

/** Bytes that a test can tell from those of another seed. */
export function bytes(length: number, seed: number): Uint8Array {
  return new Uint8Array(length).fill(seed);
}

/** An upstream's token; a test that misspells one fails here. */
export function token(text: string): UpstreamToken {
  return upstreamToken(text) ?? assert.fail(`not a token: ${text}`);
}

/** A redirect URI that passes the rules. */
export function uri(text: string): RedirectUri {
  const checked = redirectUri(text);
  return checked.ok ? checked.value : assert.fail(checked.failure);
}

/** When the sample grant is issued; a moment `later` than that. */
export function at(later: number): EpochSeconds {
  return epochSeconds(1_800_000_000 + later);
}

export const minute = 60;
export const hour = 3600;
export const day = 86_400;

export const policy: TokenPolicy = {
  accessTtl: seconds(hour),
  refreshTtl: seconds(30 * day),
  grantTtl: seconds(0),
  codeTtl: seconds(minute),
  refreshGrace: seconds(10 * minute),
  clockSkew: seconds(minute),
  format: 'pair',
};
export const strict: TokenPolicy = { ...policy, refreshGrace: seconds(0) };

export const keys: GatewayKeys = { current: sealingKey(bytes(32, 1)), previous: [] };
export const otherKeys: GatewayKeys = { current: sealingKey(bytes(32, 9)), previous: [] };
export const key = dataKey(bytes(32, 2));
export const codeSecret = tokenSecret(bytes(32, 3));
export const verifier = 'v'.repeat(43);

export const allowed = {
  id: grantOfFlow(newFlowId(bytes(16, 4))),
  clientId: clientId('client-1'),
  subject: 'alice' as Subject,
  resource: 'http://localhost:8002/mcp',
  redirectUri: uri('http://127.0.0.1:7777/callback'),
  challenge: codeChallengeOf(verifier),
};

/** To whom the sample's tokens may be sent. */
export const binding: UpstreamBinding = {
  server: 'https://as.upstream.example',
  clientId: 'gateway',
  resource: 'https://mcp.upstream.example/mcp',
  scope: 'repo',
};

/** The tokens of the upstream's version `version`; it says nothing of their end. */
export function tokensOfVersion(version: number): UpstreamTokens {
  return {
    access: token(`upstream-access-${version}`),
    refresh: token(`upstream-refresh-${version}`),
    expiresAt: undefined,
    scope: 'repo',
    binding,
  };
}

/** What GitHub's OAuth Apps give. */
export const accessOnly: UpstreamTokens = { ...tokensOfVersion(1), refresh: undefined };

/** A grant with only its code out. */
export function issued(tokens: UpstreamTokens = tokensOfVersion(1)): OpenGrant {
  const secrets = { key, code: codeSecret, nonce: bytes(12, 5) };
  return { grant: issueGrant(allowed, tokens, secrets, keys, policy, at(0)), key };
}

/** A grant, and the upstream tokens in it. */
export interface Held extends OpenGrant {
  readonly tokens: UpstreamTokens;
}

/** A grant whose code was exchanged for a first pair at once. */
export function exchanged(tokens: UpstreamTokens = tokensOfVersion(1)): Held {
  const { grant } = issued(tokens);
  return moved({ grant: withUsedCode(grant, at(0)), key, tokens }, 0);
}

/** The grant in its next generation, as the newest refresh token moves it; with the upstream's tokens as they are. */
export function moved(held: Held, later: number, rules: TokenPolicy = policy): Held {
  const grant = withPresented(held.grant, held.grant.generation);
  return {
    ...held,
    grant: moveGeneration({ ...held, grant }, held.tokens, keys, rules, at(later)),
  };
}

/** The grant with newer upstream tokens, as after a renewal on /mcp. */
export function renewed(held: Held, tokens: UpstreamTokens, later: number): Held {
  const nonce = bytes(12, 6);
  const grant = withUpstreamTokens(held.grant, sealKeyOf(key), nonce, tokens, at(later));
  return { ...held, grant, tokens };
}

/** A refresh in full: newer upstream tokens and a new generation. */
export function refreshed(held: Held, later: number, rules: TokenPolicy = policy): Held {
  const tokens = tokensOfVersion(held.grant.upstream.version + 1);
  return moved(renewed(held, tokens, later), later, rules);
}

/** The newest pair, as /token would answer. */
export function answerOf(held: Held, later = 0, rules: TokenPolicy = policy): TokenAnswer {
  return newestPair(held, held.tokens, rules, at(later));
}

/** The refresh half of the newest pair, as a client would present it. */
export function refreshOf(held: Held): PresentedToken {
  return presented(answerOf(held).refreshToken);
}

/** The access half of the newest pair, as a client would present it. */
export function accessOf(held: Held): PresentedToken {
  return presented(answerOf(held).accessToken);
}

function presented(text: string): PresentedToken {
  return readPresentedToken(text) ?? assert.fail('not a pair');
}

/** Whether a text occurs anywhere in the record of a grant. */
export function holds(grant: LiveGrant, text: string): boolean {
  return JSON.stringify(grant).includes(text);
}

/** The grant with newer upstream tokens. */
export function withUpstreamTokens(
  grant: LiveGrant,
  key: SealingKey,
  nonce: Uint8Array,
  tokens: UpstreamTokens,
  now: EpochSeconds,
): LiveGrant {
  const state = sealedState(grant.id, grant.upstream.version + 1, key, nonce, tokens, now);
  return withSealedTokens(grant, state, tokens.scope);
}
