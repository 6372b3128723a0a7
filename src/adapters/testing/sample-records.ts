import type {
  KeptStepUp,
  RecordKind,
  UpstreamRegistration,
  UsedAssertion,
} from '../../application/ports.ts';
import type { Flow } from '../../domain/authorization-flow.ts';
import { type Client, clientId, registerClient } from '../../domain/client-registration.ts';
import { newFlowId } from '../../domain/flow-secrets.ts';
import type { Grant, Subject, TokenPolicy } from '../../domain/grant.ts';
import { issueGrant, withUsedCode } from '../../domain/grant-code.ts';
import { dataKey, type GatewayKeys } from '../../domain/grant-keys.ts';
import { moveGeneration } from '../../domain/grant-rotation.ts';
import { epochSeconds, seconds } from '../../domain/lifetime.ts';
import { codeChallengeOf } from '../../domain/pkce.ts';
import { type RedirectUri, redirectUri } from '../../domain/redirect-uri.ts';
import { seal, sealingKey } from '../../domain/sealing.ts';
import { sha256 } from '../../domain/secret-hash.ts';
import {
  grantOfFlow,
  tokenSecret,
  type UpstreamToken,
  upstreamToken,
} from '../../domain/token-pair.ts';
import { countingRandom } from './counting-random.ts';

/** All kinds of records that a store keeps. */
export const recordKinds: readonly RecordKind[] = [
  'flows',
  'clients',
  'grants',
  'registrations',
  'assertions',
  'stepUps',
];

/** A record as the gateway itself would write it; another name, another record. */
export function sampleRecord(kind: RecordKind, name: string): unknown {
  switch (kind) {
    case 'flows':
      return sampleFlow(name);
    case 'clients':
      return sampleClient(name);
    case 'grants':
      return sampleGrant(name);
    case 'registrations':
      return sampleRegistration(name);
    case 'assertions':
      return sampleAssertion(name);
    case 'stepUps':
      return sampleStepUp(name);
  }
}

const now = epochSeconds(1_767_225_600);

function uri(): RedirectUri {
  const checked = redirectUri('http://127.0.0.1:9999/callback?own=1');
  if (!checked.ok) throw new Error(checked.failure);
  return checked.value;
}

function sampleFlow(name: string): Flow {
  return {
    stage: 'consent',
    id: newFlowId(countingRandom(name).bytes(16)),
    browser: sha256(name),
    subject: name as Subject,
    expiresAt: now,
    request: {
      clientId: clientId(name),
      clientName: `${name} <ü> "€"`,
      clientOrigin: 'registered',
      redirectUri: uri(),
      state: 'a state\u0000with\n"everything" 😀',
      issuer: 'http://localhost:8002',
      challenge: codeChallengeOf('v'.repeat(43)),
      scope: undefined,
      resource: 'http://localhost:8002/mcp',
      freshSignIn: true,
    },
  };
}

function sampleClient(name: string): Client {
  const client = registerClient(
    {
      redirectUris: [uri()],
      tokenEndpointAuthMethod: 'client_secret_post',
      grantTypes: undefined,
      responseTypes: undefined,
      clientName: name,
      keys: undefined,
    },
    { id: clientId(name), secret: name, now },
  );
  if (!client.ok) throw new Error(client.failure.description);
  return client.value;
}

const policy: TokenPolicy = {
  accessTtl: seconds(3600),
  refreshTtl: seconds(86_400),
  grantTtl: seconds(0),
  codeTtl: seconds(60),
  refreshGrace: seconds(600),
  clockSkew: seconds(60),
  format: 'pair',
};

/** A grant with its code used and its first pair out. */
function sampleGrant(name: string): Grant {
  const random = countingRandom(name);
  const keys: GatewayKeys = { current: sealingKey(random.bytes(32)), previous: [] };
  const key = dataKey(random.bytes(32));
  const tokens = {
    access: token(`${name}-access`),
    refresh: token(`${name}-refresh`),
    expiresAt: now,
    scope: 'read write',
    binding: {
      server: 'https://as.upstream.example',
      clientId: 'gateway',
      resource: undefined,
      scope: 'read write',
    },
  };
  const issued = issueGrant(
    {
      id: grantOfFlow(newFlowId(random.bytes(16))),
      clientId: clientId(name),
      subject: name as Subject,
      resource: 'http://localhost:8002/mcp',
      redirectUri: uri(),
      challenge: codeChallengeOf('v'.repeat(43)),
    },
    tokens,
    { key, code: tokenSecret(random.bytes(32)), nonce: random.bytes(12) },
    keys,
    policy,
    now,
  );
  return moveGeneration({ grant: withUsedCode(issued, now), key }, tokens, keys, policy, now);
}

function token(text: string): UpstreamToken {
  const checked = upstreamToken(text.replaceAll(' ', '-'));
  if (checked === undefined) throw new Error('A sample is no token.');
  return checked;
}

function sampleRegistration(name: string): UpstreamRegistration {
  const random = countingRandom(name);
  return {
    server: 'https://as.upstream.example',
    clientId: name,
    clientSecret: seal(sealingKey(random.bytes(32)), random.bytes(12), name, name),
    secretExpiresAt: undefined,
    method: 'client_secret_post',
  };
}

function sampleAssertion(name: string): UsedAssertion {
  return { purpose: sha256(name) };
}

function sampleStepUp(name: string): KeptStepUp {
  return { demanded: [`${name}:write`], grant: undefined, until: now };
}
