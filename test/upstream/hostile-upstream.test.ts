import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { httpAuthorizationServer } from '../../src/adapters/upstream/authorization-server.ts';
import { httpCaller } from '../../src/adapters/upstream/http-call.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { silentResource } from '../../src/domain/upstream-server.ts';
import { aClient, form, openedFlow, returned, upstreamUrl } from '../application/dance.ts';
import { settings, valueIn, wired, world } from '../application/wired.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';
import { type RecordedAnswer, type Script, standInInternet } from './stand-in-internet.ts';

const mcp = 'https://mcp.example.com/mcp';
const prm = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';
const issuer = 'https://as.example.com';
const metadata = `${issuer}/.well-known/oauth-authorization-server`;

const honest: Readonly<Record<string, RecordedAnswer>> = {
  [mcp]: { status: 401, headers: { 'www-authenticate': 'Bearer' } },
  [prm]: { body: { resource: mcp, authorization_servers: [issuer] } },
  [metadata]: {
    body: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
    },
  },
  [`${issuer}/register`]: { body: { client_id: 'id', client_secret: 'the-client-secret' } },
  [`${issuer}/token`]: { body: { access_token: 'a', token_type: 'Bearer', refresh_token: 'r' } },
};

/** The honest server's metadata with some members changed. */
function claiming(members: Readonly<Record<string, unknown>>): Record<string, RecordedAnswer> {
  return { [metadata]: { body: { ...(honest[metadata]?.body as object), ...members } } };
}

async function stage(
  test: TestContext,
  lies: Readonly<Record<string, RecordedAnswer>>,
  changed: Partial<UpstreamSettings> = {},
) {
  const answers = { ...honest, ...lies };
  const script: Script = ({ url }) => answers[url];
  const internet = await standInInternet(test, script);
  const outside = world();
  const gateway = wired(outside, {
    settings: {
      ...settings,
      clientId: undefined,
      clientSecret: undefined,
      resource: mcp,
      ...changed,
    },
    ports: { authorizationServer: internet.authorizationServer },
  });
  const screen = await openedFlow(gateway, await aClient(gateway, outside));
  const asked = (host: string) => internet.requests.filter(({ url }) => url.includes(host)).length;
  const signIn = async () => valueIn(await gateway.submitSignIn(form(screen)));
  const logged = () => outside.events.of('upstream_failed').map(({ reason }) => reason);
  return { internet, outside, gateway, screen, asked, signIn, logged };
}

/** A sentence goes on with what to do. */
const remedied = /: (?:.*, )?(?:if|set|correct|register|give|name|ask|check|look|see)\b/;

describe('a hostile upstream', () => {
  const refused: readonly (readonly [
    string,
    Readonly<Record<string, RecordedAnswer>>,
    RegExp,
    string,
  ])[] = [
    [
      'that speaks for another issuer',
      claiming({ issuer: 'https://honest.example' }),
      /names another issuer/,
      'honest.example',
    ],
    [
      'whose metadata is about another resource',
      {
        [prm]: {
          body: { resource: 'https://honest.example/mcp', authorization_servers: [issuer] },
        },
      },
      /about another resource/,
      'as.example.com',
    ],
    [
      'with a token endpoint inside our network',
      claiming({ token_endpoint: 'http://169.254.169.254/latest/meta-data' }),
      /token endpoint http:\/\/169\.254\.169\.254.* is plain http/,
      '169.254',
    ],
    [
      'with a token endpoint on our machine',
      claiming({ token_endpoint: 'http://127.0.0.1:6379/' }),
      /is plain http/,
      '127.0.0.1:6379',
    ],
    [
      'with a registration endpoint on our machine',
      claiming({ registration_endpoint: 'http://localhost:9200/_search' }),
      /registration endpoint .* is plain http/,
      'localhost:9200',
    ],
    [
      'whose authorization endpoint is a script',
      claiming({ authorization_endpoint: 'javascript:alert(document.cookie)' }),
      /publishes no authorization server metadata/,
      'javascript',
    ],
    [
      'whose authorization endpoint is a file',
      claiming({ authorization_endpoint: 'file:///etc/passwd' }),
      /publishes no authorization server metadata/,
      'passwd',
    ],
    [
      'that offers plain PKCE only',
      claiming({ code_challenge_methods_supported: ['plain'] }),
      /does not offer PKCE with S256/,
      '/register',
    ],
    [
      'whose metadata redirects elsewhere',
      { [metadata]: { status: 302, headers: { location: 'https://evil.example/metadata' } } },
      /redirects elsewhere, which is not followed/,
      'evil.example',
    ],
    [
      'whose metadata redirects for ever',
      { [metadata]: { status: 307, headers: { location: metadata } } },
      /redirects elsewhere, which is not followed/,
      '/register',
    ],
    [
      'that names a thousand servers',
      {
        [prm]: {
          body: {
            resource: mcp,
            authorization_servers: Array.from({ length: 1000 }, (_, n) => `https://s${n}.example`),
          },
        },
      },
      /s4\.example publishes no authorization server metadata/,
      's5.example',
    ],
    [
      'whose metadata is longer than a megabyte',
      claiming({ padding: 'x'.repeat(1024 * 1024) }),
      /The answer of as\.example\.com is too long/,
      '/register',
    ],
    [
      'that shows a page for every document',
      { [prm]: { body: '<html>' }, [metadata]: { body: '<html>Sign in' } },
      // An MCP server of 2025-03-26: the usual places of its own origin, and no other.
      /refused to register this gateway \(status 404\)/,
      'as.example.com',
    ],
  ];
  for (const [what, lies, sentence, untouched] of refused) {
    it(`${what} gets nowhere`, async (test) => {
      const { asked, signIn, internet } = await stage(test, lies);

      const outcome = await signIn();

      assert.ok('error' in outcome, JSON.stringify(outcome));
      assert.match(outcome.error.description, sentence);
      assert.match(outcome.error.description, remedied);
      assert.equal(asked(untouched), 0, untouched);
      assert.ok(internet.requests.every(({ body }) => !body.includes('the-client-secret')));
    });
  }

  it('that registers us and then names another server gets no secret of the first', async (test) => {
    const configured = { clientId: 'mine', clientSecret: 'the-client-secret' };
    const lies: Record<string, RecordedAnswer> = {};
    const answers = (url: string) => lies[url] ?? honest[url];
    const internet = await standInInternet(test, ({ url }) => answers(url));
    const outside = world();
    const gateway = () =>
      wired(outside, {
        settings: { ...settings, ...configured, resource: mcp },
        ports: { authorizationServer: internet.authorizationServer },
      });
    const first = gateway();
    await upstreamUrl(first, await openedFlow(first, await aClient(first, outside)));
    const evil = 'https://evil.example';
    lies[prm] = { body: { resource: mcp, authorization_servers: [evil] } };
    lies[`${evil}/.well-known/oauth-authorization-server`] = {
      body: {
        issuer: evil,
        authorization_endpoint: `${evil}/authorize`,
        token_endpoint: `${evil}/token`,
        code_challenge_methods_supported: ['S256'],
      },
    };

    const second = gateway();
    const screen = await openedFlow(second, await aClient(second, outside));
    const outcome = valueIn(await second.submitSignIn(form(screen)));

    assert.ok(outcome.type === 'error');
    assert.match(
      outcome.error.description,
      /the configured client belongs to https:\/\/as\.example/,
    );
    assert.ok(internet.requests.every(({ url }) => !url.endsWith('/token')));
  });

  it('that is known for two issuers lends the second to no stranger that it names', async (test) => {
    const slack = 'https://mcp.slack.com/mcp';
    const evil = 'https://evil.example';
    const lies: Readonly<Record<string, RecordedAnswer>> = {
      [slack]: { status: 401, headers: { 'www-authenticate': 'Bearer' } },
      'https://mcp.slack.com/.well-known/oauth-protected-resource/mcp': {
        body: { resource: slack, authorization_servers: [evil] },
      },
      [`${evil}/.well-known/oauth-authorization-server`]: {
        body: {
          issuer: 'https://slack.com',
          authorization_endpoint: `${evil}/authorize`,
          token_endpoint: `${evil}/token`,
          code_challenge_methods_supported: ['S256'],
        },
      },
    };
    const configured = { clientId: 'mine', clientSecret: 'the-client-secret', resource: slack };
    const { signIn } = await stage(test, lies, configured);

    const outcome = await signIn();

    assert.ok(outcome.type === 'error', JSON.stringify(outcome));
    assert.match(outcome.error.description, /evil\.example names another issuer/);
  });

  it('that sends users to an honest server gets no code of theirs at its own token endpoint', async (test) => {
    const bank = 'https://bank.example';
    const lies = claiming({
      authorization_endpoint: `${bank}/authorize`,
      token_endpoint: 'https://evil.example/token',
      authorization_response_iss_parameter_supported: false,
    });
    const { gateway, screen, asked } = await stage(test, lies);
    const url = new URL(await upstreamUrl(gateway, screen));
    assert.equal(url.origin, bank);
    const answer = new URL('http://localhost:8002/upstream/callback');
    const state = url.searchParams.get('state') ?? '';
    answer.search = String(new URLSearchParams({ state, code: 'the-code', iss: bank }));

    const outcome = valueIn(await gateway.returnFromUpstream(returned(answer.href, screen)));

    assert.ok(outcome.type === 'error', outcome.type);
    assert.match(outcome.error.description, /came from another upstream server/);
    assert.equal(asked('evil.example'), 0);
  });

  it('with a token endpoint elsewhere gets nothing there but what was made for it', async (test) => {
    const elsewhere = 'https://elsewhere.example/token';
    const lies = { ...claiming({ token_endpoint: elsewhere }), [elsewhere]: {} };
    const { gateway, screen, internet } = await stage(test, lies);
    const url = new URL(await upstreamUrl(gateway, screen));
    const answer = new URL('http://localhost:8002/upstream/callback');
    const state = url.searchParams.get('state') ?? '';
    answer.search = String(new URLSearchParams({ state, code: 'the-code', iss: issuer }));

    valueIn(await gateway.returnFromUpstream(returned(answer.href, screen)));

    const [sent, ...more] = internet.requests.filter(({ url: at }) => at.startsWith(elsewhere));
    const credentials = `Basic ${Buffer.from('id:the-client-secret').toString('base64')}`;
    assert.equal(
      sent?.headers.authorization,
      credentials,
      'of the registration at this very issuer',
    );
    assert.deepEqual([...new URLSearchParams(sent?.body).keys()].toSorted(), [
      'code',
      'code_verifier',
      'grant_type',
      'redirect_uri',
      'resource',
    ]);
    assert.equal(more.length, 0);
  });

  for (const error of ['invalid_client', 'invalid_target']) {
    it(`that answers ${error} for ever sends nobody round in circles`, async (test) => {
      const lies = { [`${issuer}/token`]: { status: 400, body: { error } } };
      const { gateway, screen, asked, signIn } = await stage(test, lies);
      const first = await signIn();
      assert.ok(first.type === 'upstream', first.type);
      const back = async (url: string) => {
        const answer = new URL('http://localhost:8002/upstream/callback');
        const state = new URL(url).searchParams.get('state') ?? '';
        answer.search = String(new URLSearchParams({ state, code: 'the-code', iss: issuer }));
        return valueIn(await gateway.returnFromUpstream(returned(answer.href, screen)));
      };

      const second = await back(first.url);
      assert.ok(second.type === 'upstream', second.type);
      const third = await back(second.url);

      assert.ok(third.type === 'error', third.type);
      assert.match(third.error.description, new RegExp(`\\(${error}\\)`));
      assert.equal(asked('/token'), 2);
      assert.ok(asked('/register') <= 2, 'nor does it make registrations without end');
    });
  }

  for (const [what, iss] of [
    ['another issuer', 'https://evil.example'],
    ['its issuer with a slash', `${issuer}/`],
    ['no issuer although it sends one', undefined],
  ] as const) {
    it(`whose answer carries ${what} gets no code back, and none of its words are shown`, async (test) => {
      const { gateway, screen, asked } = await stage(test, {});
      const url = new URL(await upstreamUrl(gateway, screen));
      const answer = new URL('http://localhost:8002/upstream/callback');
      answer.searchParams.set('state', url.searchParams.get('state') ?? '');
      answer.searchParams.set('error', 'evil_words');
      answer.searchParams.set('code', 'the-code');
      if (iss !== undefined) answer.searchParams.set('iss', iss);

      const outcome = valueIn(await gateway.returnFromUpstream(returned(answer.href, screen)));

      assert.ok(outcome.type === 'error');
      assert.equal(outcome.error.error, 'server_error');
      assert.doesNotMatch(outcome.error.description, /evil_words/);
      assert.equal(asked('/token'), 0);
    });
  }

  const answers: readonly (readonly [string, RecordedAnswer, RegExp, RegExp])[] = [
    [
      'redirects the secret elsewhere',
      { status: 307, headers: { location: 'https://evil.example/token' } },
      /redirects elsewhere/,
      /evil\.example/,
    ],
    [
      'redirects as if it were a page',
      { status: 302, headers: { location: `${issuer}/sign-in` } },
      /status 302 and no token response/,
      /status 302/,
    ],
    [
      'answers with a page',
      { body: '<html><title>Welcome</title>' },
      /no token response/,
      /Welcome/,
    ],
    ['answers with nothing', { status: 200 }, /no token response/, /status 200/],
    [
      'answers with half a word',
      { status: 200, body: '{"access_to' },
      /no token response/,
      /text\/html, 11 characters/,
    ],
    [
      'answers with something else than a bearer token',
      { body: { access_token: 'a', token_type: 'mac' } },
      /not a bearer token/,
      /token_type mac/,
    ],
    [
      'gives a token that would break a header',
      { body: { access_token: 'a\r\nX-Evil: 1', token_type: 'bearer' } },
      /no token that could be used/,
      /no token/,
    ],
    [
      'says something rude',
      { status: 400, body: { error: 'ru"de\n<b>', error_description: `x\n${'y'.repeat(999)}` } },
      /refused the request \(rudeb\)/,
      /^rudeb: x y{197}…$/,
    ],
    [
      'is longer than a megabyte',
      { body: { access_token: 'a', padding: 'x'.repeat(1024 * 1024) } },
      /too long/,
      /too long/,
    ],
  ];
  for (const [what, answer, told, logged] of answers) {
    it(`whose token endpoint ${what} is told in a sentence, its own words only in the log`, async (test) => {
      const lies = { [`${issuer}/token`]: answer };
      const { gateway, screen, asked, logged: log } = await stage(test, lies);
      const url = new URL(await upstreamUrl(gateway, screen));
      const back = new URL('http://localhost:8002/upstream/callback');
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      back.searchParams.set('code', 'the-code');
      back.searchParams.set('iss', issuer);

      const outcome = valueIn(await gateway.returnFromUpstream(returned(back.href, screen)));

      assert.ok(outcome.type === 'error');
      assert.match(outcome.error.description, told);
      assert.match(outcome.error.description, remedied);
      assert.doesNotMatch(outcome.error.description, /Welcome|evil\.example|yyy/);
      assert.match(log()[0] ?? '', logged);
      assert.equal(asked('evil.example'), 0);
    });
  }
});

describe('a call to the upstream', () => {
  async function server(test: TestContext, listener: RequestListener) {
    const listening = await listenOnLoopback(createServer(listener));
    test.after(() => listening.close());
    return listening.origin;
  }
  const caller = (callLimit = 10) =>
    httpAuthorizationServer({
      clock: systemClock,
      call: httpCaller({ dispatcher: undefined, userAgent: 'gateway/test', watch: undefined }),
      callLimit: seconds(callLimit),
    });

  it('ends in time when nobody answers', async (test) => {
    const origin = await server(test, () => {});

    const answer = await caller().serverDocument(`${origin}/slow`, seconds(1));

    assert.ok(!answer.ok && answer.failure.kind === 'unavailable');
    assert.match(answer.failure.reason, /TimeoutError/);
  });

  it('ends in time when an answer trickles', async (test) => {
    const origin = await server(test, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const dripping = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(dripping));
    });

    const answer = await caller().serverDocument(`${origin}/drip`, seconds(1));

    assert.ok(!answer.ok && answer.failure.kind === 'unavailable');
  });

  it('does not wait for the stream that a probe opens', async (test) => {
    const origin = await server(test, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': the first of many\n\n');
    });

    const answer = valueIn(await caller().probe(`${origin}/mcp`, seconds(10)));

    assert.deepEqual(answer, { status: 200, challenge: undefined });
  });

  it('follows 307 and 308 on the same origin, with method, body and credentials', async (test) => {
    const arrived: string[] = [];
    const origin = await server(test, async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      arrived.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
      const next = { '/token': [307, '/token/'], '/token/': [308, '/oauth/token'] }[
        request.url ?? ''
      ];
      if (next === undefined) {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"access_token":"a"}');
      } else {
        response.writeHead(Number(next[0]), { location: String(next[1]) }).end();
      }
    });
    const upstream = {
      server: {
        issuer: origin,
        authorizationEndpoint: `${origin}/authorize`,
        tokenEndpoint: `${origin}/token`,
        registrationEndpoint: undefined,
        revocationEndpoint: undefined,
        authMethods: undefined,
        scopesSupported: undefined,
        issuerInResponse: false,
        acceptsDocuments: false,
        ...silentResource,
      },
      client: { clientId: 'id', clientSecret: 's', method: 'client_secret_basic' },
      manners: {
        resource: undefined,
        authorizeParameters: {},
        tokenParameters: {},
        scopeOnRefresh: false,
        tokenTypes: ['bearer'],
        revokes: true,
      },
    } as const;

    valueIn(await caller().requestTokens(upstream, { grant_type: 'refresh_token' }));

    assert.deepEqual(
      arrived,
      ['/token', '/token/', '/oauth/token'].map(
        (path) => `POST ${path} Basic aWQ6cw== grant_type=refresh_token`,
      ),
    );
  });

  it('follows three redirects and no more', async (test) => {
    const asked: string[] = [];
    const origin = await server(test, (request, response) => {
      asked.push(request.url ?? '');
      const next = Number(request.url?.slice(1)) + 1;
      response.writeHead(307, { location: `/${next}` }).end();
    });

    const answer = await caller().serverDocument(`${origin}/0`, seconds(10));

    assert.ok(!answer.ok && answer.failure.kind === 'unusable', JSON.stringify(answer));
    assert.deepEqual(asked, ['/0', '/1', '/2', '/3']);
  });

  it('survives what comes of a body that it leaves before its end', async (test) => {
    let closed = 0;
    let allClosed = (): void => {};
    const bothClosed = new Promise<void>((resolve) => {
      allClosed = resolve;
    });
    const origin = await server(test, (request, response) => {
      response.on('close', () => {
        closed += 1;
        if (closed === 2) allClosed();
      });
      response.writeHead(200, { 'content-length': '9000000' });
      // The one is left after its head, the other at its first megabyte.
      response.write(request.url === '/head' ? 'x' : Buffer.alloc(2 * 1024 * 1024));
    });
    const call = httpCaller({ dispatcher: undefined, userAgent: 'gateway/test', watch: undefined });
    const ask = (path: string, headOnly?: true) =>
      call(
        { url: origin + path, method: 'GET', headers: {}, ...(headOnly && { headOnly }) },
        seconds(10),
      );

    const [head, long] = await Promise.all([ask('/head', true), ask('/long')]);
    await bothClosed;

    assert.equal(head.ok && head.value.status, 200);
    assert.equal(long.ok || long.failure.kind, 'unusable');
  });

  it('keeps a document as long as its headers say', async (test) => {
    const rows: readonly (readonly [Readonly<Record<string, string>>, number | undefined])[] = [
      [{}, undefined],
      [{ 'cache-control': 'public, max-age=300' }, 300],
      [{ 'cache-control': 'max-age=300', age: '100' }, 200],
      [{ 'cache-control': 'max-age=300', age: '400' }, 0],
      [{ 'cache-control': 'no-store' }, 0],
      [{ 'cache-control': 'private, no-cache="x"' }, 0],
      [{ 'cache-control': 'no-cachet' }, undefined],
      [
        {
          date: 'Tue, 15 Nov 1994 08:12:31 GMT',
          expires: 'Tue, 15 Nov 1994 08:22:31 GMT',
        },
        600,
      ],
      [{ date: 'Tue, 15 Nov 1994 08:12:31 GMT', expires: '0' }, 0],
    ];
    let headers: Readonly<Record<string, string>> = {};
    const origin = await server(test, (_request, response) => {
      response.sendDate = false;
      response.writeHead(404, headers).end();
    });

    for (const [sent, expected] of rows) {
      headers = sent;
      const { freshFor } = valueIn(await caller().serverDocument(origin, seconds(10)));
      assert.equal(freshFor, expected, JSON.stringify(sent));
    }
  });
});
