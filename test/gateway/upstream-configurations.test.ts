import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ClientMetadata } from 'oidc-provider';
import type { GatewayOptions } from '../../src/main.ts';
import { sdks } from '../support/real/mcp-clients.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import type { OidcProviderOptions } from '../support/real/oidc-provider-upstream.ts';
import type { ProtectedMcpOptions } from '../support/real/protected-mcp.ts';
import { signingInUser, startChain } from './gateway-setup.ts';

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A client that its operator registered by hand. */
function byHand(metadata: Partial<ClientMetadata>): ClientMetadata {
  return {
    client_id: 'by-hand',
    application_type: 'native',
    redirect_uris: ['http://localhost/upstream/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    ...metadata,
  };
}

/** A file that is there as long as the test. */
function fileWith(t: TestContext, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'file'), content);
  return join(folder, 'file');
}

interface Configuration {
  readonly name: string;
  readonly upstream: OidcProviderOptions;
  readonly options: (t: TestContext) => Partial<GatewayOptions>;
  readonly authentication: 'client_secret_basic' | 'client_secret_post' | 'none';
  /** Fields that every token request must have. */
  readonly fields?: readonly string[];
  readonly withoutResource?: true;
  readonly registrations: number;
}

const configurations: readonly Configuration[] = [
  {
    name: 'dynamic registration and rotation',
    upstream: {},
    options: () => ({}),
    authentication: 'client_secret_basic',
    registrations: 1,
  },
  {
    name: 'a confidential client by hand, with Basic',
    upstream: {
      registration: false,
      clients: [
        byHand({
          client_secret: 'a secret: +/%',
          token_endpoint_auth_method: 'client_secret_basic',
        }),
      ],
    },
    options: () => ({ upstreamClientId: 'by-hand', upstreamClientSecret: 'a secret: +/%' }),
    authentication: 'client_secret_basic',
    registrations: 0,
  },
  {
    name: 'a client by hand that signs (private_key_jwt)',
    upstream: {
      registration: false,
      clients: [
        byHand({
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: 'ES256',
          jwks: { keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kty: 'EC' }] },
        }),
      ],
    },
    options: (t) => ({
      upstreamClientId: 'by-hand',
      upstreamPrivateKeyFile: fileWith(
        t,
        keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      ),
    }),
    authentication: 'none',
    fields: ['client_assertion', 'client_assertion_type'],
    registrations: 0,
  },
  {
    name: 'a public client with resource indicators, and tokens for one audience',
    upstream: {
      accessTokenFormat: 'jwt',
      resources: (resource) => resource.endsWith('/mcp'),
    },
    options: () => ({ upstreamTokenAuthMethod: 'none' }),
    authentication: 'none',
    fields: ['resource'],
    registrations: 1,
  },
  {
    name: 'registration with a key of its own',
    upstream: {},
    options: (t) => ({
      upstreamTokenAuthMethod: 'private_key_jwt',
      upstreamPrivateKeyFile: fileWith(
        t,
        JSON.stringify(keys.privateKey.export({ format: 'jwk' })),
      ),
    }),
    authentication: 'none',
    fields: ['client_assertion'],
    registrations: 1,
  },
  {
    name: 'a server that refuses every resource',
    upstream: { resources: () => false },
    options: () => ({ upstreamTokenAuthMethod: 'client_secret_post' }),
    authentication: 'client_secret_post',
    withoutResource: true,
    registrations: 1,
  },
];

const [sdk] = sdks.slice(-1);
for (const configuration of configurations) {
  const { name, upstream, options, authentication, fields = [], registrations } = configuration;
  test(`an upstream with ${name} is signed in to, called, and refreshed`, async (t) => {
    assert.ok(sdk);
    const startMcp = (mcp: ProtectedMcpOptions) =>
      startSdkMcpServer(
        configuration.withoutResource ? { ...mcp, verify: (token) => mcp.verify(token) } : mcp,
      );
    const { as, url } = await startChain(t, startMcp, options(t), upstream);
    const provider = new MemoryOAuthProvider();

    const connection = await sdk.connect({
      url,
      provider,
      authorize: signingInUser(provider.redirectUrl),
    });
    assert.equal(await connection.call('echo', { text: 'first' }), 'first');
    await as.expireAccessTokens();
    assert.equal(await connection.call('echo', { text: 'second' }), 'second');
    await as.expireAccessTokens();
    assert.equal(await connection.call('echo', { text: 'third' }), 'third');
    await connection.close();

    assert.equal(as.registrations.length, registrations);
    assert.deepEqual(
      as.tokenRequests.map(({ grantType, status }) => [grantType, status]),
      [
        ['authorization_code', 200],
        ['refresh_token', 200],
        ['refresh_token', 200],
      ],
    );
    for (const { form, clientAuthentication } of as.tokenRequests) {
      assert.equal(clientAuthentication, authentication);
      assert.equal(form.has('resource'), configuration.withoutResource !== true);
      for (const field of fields) assert.ok(form.has(field), field);
    }
    const refreshTokens = as.tokenRequests.map(({ form }) => form.get('refresh_token'));
    assert.equal(new Set(refreshTokens).size, 3, 'they rotate');
  });
}
