import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { aClient, exchangeOf, openedFlow, refreshOf, upstreamUrl } from '../application/dance.ts';
import { callback, valueIn, wired, world } from '../application/wired.ts';
import { type RecordedUpstream, recordedUpstreams } from './recorded-upstreams.ts';
import {
  type ArrivedRequest,
  type RecordedAnswer,
  type Script,
  standInInternet,
} from './stand-in-internet.ts';

/** Plays a recorded upstream: its documents by URL, its tokens in their order. */
function playing(upstream: RecordedUpstream): Script {
  const tokens = [...upstream.tokens];
  const { resource } = upstream.settings;
  const { challenge } = upstream;
  const unauthorized: RecordedAnswer = {
    status: 401,
    headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
    body: 'Unauthorized',
  };
  return ({ method, url }) => {
    if (url === resource) return unauthorized;
    if (method === 'GET') return upstream.documents[url];
    if (url === upstream.tokenRequests.endpoint) return tokens.shift();
    return upstream.registration;
  };
}

async function stage(test: TestContext, upstream: RecordedUpstream) {
  const internet = await standInInternet(test, playing(upstream));
  const outside = world();
  const gateway = wired(outside, {
    settings: upstream.settings,
    ports: { authorizationServer: internet.authorizationServer },
    publicUrl: 'https://gateway.example',
  });
  return { internet, outside, gateway };
}

function holds(
  sent: { get(name: string): string | null },
  expected: Readonly<Record<string, string | null>> = {},
): void {
  for (const [name, value] of Object.entries(expected)) assert.equal(sent.get(name), value, name);
}

/** How a token request says who it is from. */
function methodOf({ headers }: ArrivedRequest, form: URLSearchParams): string {
  if (headers.authorization !== undefined) return 'client_secret_basic';
  return form.has('client_secret') ? 'client_secret_post' : 'none';
}

for (const upstream of recordedUpstreams) {
  describe(`the upstream ${upstream.name}`, () => {
    it('lets a user sign in, and refreshes', async (test) => {
      const { internet, outside, gateway } = await stage(test, upstream);
      const client = await aClient(gateway, outside);
      const screen = await openedFlow(gateway, client);

      const url = new URL(await upstreamUrl(gateway, screen));

      assert.equal(url.origin + url.pathname, upstream.authorization.endpoint);
      assert.equal(url.searchParams.get('redirect_uri'), callback);
      assert.equal(url.searchParams.get('code_challenge_method'), 'S256');
      holds(url.searchParams, upstream.authorization.query);

      const issuer = issuerOf(upstream);
      const back = await gateway.returnFromUpstream({
        state: url.searchParams.get('state') ?? undefined,
        cookie: screen.cookie,
        code: 'the-code',
        error: undefined,
        errorDescription: undefined,
        issuer,
      });
      const outcome = valueIn(back);
      assert.equal(outcome.type, 'code', JSON.stringify([outcome, outside.events]));
      const code = outcome.type === 'code' ? outcome.code : '';
      const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));
      assert.equal(tokens.scope, upstream.granted.scope);
      assert.equal(tokens.expiresIn, upstream.granted.expiresIn);
      valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));

      const { endpoint, method, form, refresh } = upstream.tokenRequests;
      const sent = internet.requests.filter((each) => each.url === endpoint);
      const forms = sent.map(({ body }) => new URLSearchParams(body));
      assert.equal(sent.length, upstream.refreshes ? 2 : 1);
      for (const [index, each] of sent.entries()) {
        const fields = forms[index] ?? new URLSearchParams();
        assert.equal(methodOf(each, fields), method);
        assert.equal(each.headers.accept, 'application/json');
        holds(fields, form);
      }
      assert.equal(forms[0]?.get('code'), 'the-code');
      if (upstream.refreshes) holds(forms[1] ?? new URLSearchParams(), refresh);
    });

    it('costs a user nothing but a new sign-in when it says that the grant is over', async (test) => {
      if (!upstream.refreshes) return;
      const over: RecordedAnswer = { status: 200, body: { ok: false, error: 'invalid_grant' } };
      const { outside, gateway } = await stage(test, {
        ...upstream,
        tokens: [...upstream.tokens.slice(0, 1), over],
      });
      const client = await aClient(gateway, outside);
      const screen = await openedFlow(gateway, client);
      const url = new URL(await upstreamUrl(gateway, screen));
      const back = await gateway.returnFromUpstream({
        state: url.searchParams.get('state') ?? undefined,
        cookie: screen.cookie,
        code: 'the-code',
        error: undefined,
        errorDescription: undefined,
        issuer: issuerOf(upstream),
      });
      const outcome = valueIn(back);
      const code = outcome.type === 'code' ? outcome.code : '';
      const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

      const refused = await gateway.refresh(client, refreshOf(tokens.refreshToken));

      assert.ok(!refused.ok && refused.failure.error === 'invalid_grant');
    });
  });
}

/** The `iss` of a server that says that it sends one. */
function issuerOf({ documents }: RecordedUpstream): string | undefined {
  for (const { body } of Object.values(documents)) {
    const { issuer, authorization_response_iss_parameter_supported: sends } = body as Record<
      string,
      unknown
    >;
    if (sends === true) return String(issuer);
  }
  return undefined;
}

const refusals: readonly (readonly [string, RecordedAnswer, RegExp])[] = [
  [
    'Figma, of an unlisted name',
    { status: 403, headers: { 'content-type': 'text/plain' }, body: 'Forbidden' },
    /status 403\).*--upstream-client-name/,
  ],
  [
    'Keycloak, of an untrusted host',
    {
      status: 403,
      body: { error: 'insufficient_scope', error_description: "Policy 'Trusted Hosts' rejected" },
    },
    /status 403, insufficient_scope/,
  ],
  [
    'a strict server, of the redirect URI',
    { status: 400, body: { error: 'invalid_redirect_uri' } },
    /status 400, invalid_redirect_uri/,
  ],
];
for (const [who, registration, sentence] of refusals) {
  it(`a registration refused by ${who} is told in a sentence, with the callback URL at hand`, async (test) => {
    const name = who.startsWith('Figma') ? 'Figma' : 'Cloudflare';
    const recorded = recordedUpstreams.find((each) => each.name === name);
    assert.ok(recorded);
    const { outside, gateway } = await stage(test, { ...recorded, registration });
    const screen = await openedFlow(gateway, await aClient(gateway, outside));

    const outcome = valueIn(
      await gateway.submitSignIn({
        flow: screen.flow.id,
        cookie: screen.cookie,
        csrf: screen.csrf,
        decision: 'allow',
        username: 'alice',
        password: 'wonderland',
        session: undefined,
        from: '192.0.2.1',
      }),
    );

    assert.ok(outcome.type === 'by_hand', outcome.type);
    assert.match(outcome.error.description, sentence);
    assert.match(outside.events.of('upstream_failed')[0]?.reason ?? '', /register/);
  });
}
