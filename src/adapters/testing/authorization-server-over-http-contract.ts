import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { UpstreamAuthorizationServer } from '../../application/ports.ts';
import { seconds } from '../../domain/lifetime.ts';
import { silentResource } from '../../domain/upstream-server.ts';
import {
  type HttpAuthorizationServer,
  type HttpAuthorizationServerTraits,
  startHttpAuthorizationServer,
} from './http-authorization-server.ts';
import type { HttpFault } from './http-faults.ts';
import { type HttpResourceServer, startHttpResourceServer } from './http-resource-server.ts';
import {
  type AuthorizationServerUnderTest,
  aCodeForm,
  aRegistration,
  denied,
  given,
  upstreamAuthorizationServerContract,
} from './upstream-authorization-server-contract.ts';

type MakeServer = () => UpstreamAuthorizationServer;

/**
 * What every {@link UpstreamAuthorizationServer} must show that speaks HTTP: the contract itself, and the manners of servers in the field,
 * against a real one on a loopback port.
 */
export function authorizationServerOverHttpContract(name: string, makeServer: MakeServer): void {
  upstreamAuthorizationServerContract(name, async () => (await start(makeServer)).tested);

  describe(`the upstream authorization server ${name}, in the field`, () => {
    let stage: Stage;
    before(async () => {
      stage = await start(makeServer);
    });
    afterEach(() => {
      stage.http.behave();
      Object.assign(stage.http.traits, usual);
    });
    after(() => stage.tested.close());

    spellings(() => stage);
    misbehaviour(() => stage);
  });
}

interface Stage {
  readonly http: HttpAuthorizationServer;
  readonly resource: HttpResourceServer;
  readonly tested: AuthorizationServerUnderTest;
}

const usual: Partial<HttpAuthorizationServerTraits> = {
  expiresIn: 'number',
  refreshTokens: 'rotating',
  format: 'json',
  errorStatus: 400,
};

const redirectUri = 'http://localhost:8002/upstream/callback';

async function start(makeServer: MakeServer): Promise<Stage> {
  // Characters that Basic credentials have to encode first (RFC 6749 §2.3.1).
  const credentials = { clientId: 'gateway:1', clientSecret: 'se%cret+ü:/' };
  const http = await startHttpAuthorizationServer({
    clients: [{ ...credentials, redirectUris: [redirectUri] }],
  });
  const resource = await startHttpResourceServer({ issuer: http.issuer, access: http.access });
  const tested: AuthorizationServerUnderTest = {
    server: makeServer(),
    upstream: {
      server: {
        issuer: http.issuer,
        authorizationEndpoint: http.authorizationEndpoint,
        tokenEndpoint: http.tokenEndpoint,
        registrationEndpoint: `${http.origin}/register`,
        revocationEndpoint: http.revocationEndpoint,
        authMethods: undefined,
        scopesSupported: undefined,
        issuerInResponse: true,
        acceptsDocuments: false,
        ...silentResource,
        resource: resource.url,
      },
      client: { ...credentials, method: 'client_secret_basic' },
      manners: {
        resource: resource.url,
        authorizeParameters: {},
        tokenParameters: {},
        scopeOnRefresh: false,
        tokenTypes: ['bearer'],
        revokes: true,
      },
    },
    probeUrl: resource.url,
    redirectUri,
    resourceMetadataUrl: `${resource.origin}/.well-known/oauth-protected-resource/mcp`,
    serverMetadataUrl: `${http.origin}/.well-known/oauth-authorization-server`,
    nowhereUrl: `${http.origin}/nowhere`,
    approve: (url) => http.approve(url),
    goDown: async () => {
      await Promise.all([http.goDown(), resource.goDown()]);
    },
    comeUp: async () => {
      await Promise.all([http.comeUp(), resource.comeUp()]);
    },
    close: async () => {
      await Promise.all([http.close(), resource.close()]);
    },
  };
  return { http, resource, tested };
}

async function askForTokens({ tested }: Stage) {
  return tested.server.requestTokens(tested.upstream, await aCodeForm(tested));
}

async function askForRevocation({ http, tested: { server, upstream } }: Stage) {
  return server.revokeToken(upstream, http.revocationEndpoint, 'a token');
}

function spellings(stage: () => Stage): void {
  for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
    it(`proves who it is by ${method}, whatever characters its secret has`, async () => {
      const { tested } = stage();
      const { upstream, server } = tested;

      const asked = { ...upstream, client: { ...upstream.client, method } };

      given(await server.requestTokens(asked, await aCodeForm(tested)));
    });
  }

  it('understands answers that are form-encoded', async () => {
    stage().http.traits.format = 'form';

    const answer = given(await askForTokens(stage()));

    assert.equal(answer.expiresIn, 3600);
    assert.ok(stage().http.access(answer.access));
  });

  it('understands a life that is spelled as a string', async () => {
    stage().http.traits.expiresIn = 'string';

    assert.equal(given(await askForTokens(stage())).expiresIn, 3600);
  });

  it('understands an answer without a life, and without a refresh token', async () => {
    Object.assign(stage().http.traits, { expiresIn: 'absent', refreshTokens: 'none' });

    const answer = given(await askForTokens(stage()));

    assert.equal(answer.expiresIn, undefined);
    assert.equal(answer.refresh, undefined);
  });

  for (const format of ['json', 'form'] as const) {
    it(`understands an error with status 200 (${format})`, async () => {
      Object.assign(stage().http.traits, { format, errorStatus: 200 });
      const { tested } = stage();
      const form = { ...(await aCodeForm(tested)), code: 'guess' };

      const failure = denied(await tested.server.requestTokens(tested.upstream, form));

      assert.ok(failure.kind === 'refused');
      assert.equal(failure.error, 'invalid_grant');
    });
  }
}

const trouble: readonly (readonly [string, HttpFault, 'unavailable' | 'unusable'])[] = [
  ['that cuts the connection', { type: 'cut' }, 'unavailable'],
  ['that loses its answer', { type: 'cut', late: true }, 'unavailable'],
  ['that breaks in the middle of its answer', { type: 'broken' }, 'unavailable'],
  ['in trouble (500)', { type: 'status', status: 500 }, 'unavailable'],
  ['in trouble (503)', { type: 'status', status: 503 }, 'unavailable'],
  ['that shows a web page', { type: 'html' }, 'unusable'],
  ['that shows a web page and calls it an error', { type: 'html', status: 400 }, 'unusable'],
  ['whose answer has no end', { type: 'huge', bytes: 64 * 1024 * 1024 }, 'unusable'],
];

function misbehaviour(stage: () => Stage): void {
  for (const [name, fault, kind] of trouble) {
    it(`takes a server ${name} for ${kind}`, async () => {
      stage().http.misbehave(fault, '/token');

      assert.equal(denied(await askForTokens(stage())).kind, kind);
    });
  }

  it('passes on when a server that has too much to do wants to be asked again', async () => {
    stage().http.misbehave({ type: 'status', status: 429, retryAfter: 17 }, '/token');

    const failure = denied(await askForTokens(stage()));

    assert.ok(failure.kind === 'unavailable');
    assert.equal(failure.retryAfter, 17);
  });

  it('waits for a server that is slow', async () => {
    stage().http.misbehave({ type: 'slow', milliseconds: 300 }, '/token');

    given(await askForTokens(stage()));
  });

  for (const [status, kind] of [
    [204, undefined],
    [302, 'refused'],
    [400, 'refused'],
    [401, 'refused'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ] as const) {
    it(`takes a revocation that is answered with ${status} for ${kind ?? 'done'}`, async () => {
      stage().http.misbehave({ type: 'status', status, retryAfter: 17 }, '/revoke');

      const answer = await askForRevocation(stage());

      assert.equal(answer.ok ? undefined : answer.failure.kind, kind);
      if (!answer.ok && answer.failure.kind === 'unavailable') {
        assert.equal(answer.failure.retryAfter, 17);
      }
    });
  }

  it('takes a revocation whose answer was lost for one that has to be asked for again', async () => {
    stage().http.misbehave({ type: 'cut', late: true }, '/revoke');

    assert.equal(denied(await askForRevocation(stage())).kind, 'unavailable');
  });

  it('finds no metadata in a web page, and none in a server that refuses to register anybody', async () => {
    const { http, tested } = stage();
    http.misbehave({ type: 'html' });
    const within = seconds(10);

    const fetched = given(await tested.server.serverDocument(tested.serverMetadataUrl, within));
    const request = aRegistration(redirectUri, 'none');
    const refused = await tested.server.register(`${http.origin}/register`, request);

    assert.equal(fetched.document, undefined);
    assert.equal(denied(refused).kind, 'unusable');
  });
}
