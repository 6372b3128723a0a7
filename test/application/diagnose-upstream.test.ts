import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VisitedPage } from '../../src/application/diagnose-endpoints.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { doctor } from '../../src/application/use-cases.ts';
import { type UpstreamToken, upstreamToken } from '../../src/domain/token-pair.ts';
import type { UpstreamFailure } from '../../src/domain/upstream-tokens.ts';
import { callback, gatewayKeys, settings, upstreamMcp, type World, world } from './wired.ts';

const login: VisitedPage = { status: 200, location: undefined };

interface Asking {
  readonly settings?: Partial<UpstreamSettings>;
  readonly page?: VisitedPage | UpstreamFailure | ((url: string) => VisitedPage);
  readonly publicUrl?: string;
}

function refused(error: string): UpstreamFailure {
  return { kind: 'refused', error, description: undefined };
}

const tokenAnswer = {
  access: upstreamToken('any') as UpstreamToken,
  refresh: undefined,
  expiresIn: undefined,
  scope: undefined,
};

/** A diagnosis, and the pages that were looked at for it. */
async function diagnose(outside: World, asking: Asking = {}) {
  const visited: string[] = [];
  const { page = login } = asking;
  const diagnosis = await doctor(
    outside.ports,
    {
      upstream: { ...settings, ...asking.settings },
      callbackUrl: () => callback,
      publicUrl: asking.publicUrl,
      keys: gatewayKeys(),
    },
    {
      visit: async (url) => {
        visited.push(url);
        const shown = typeof page === 'function' ? page(url) : page;
        return 'kind' in shown ? { ok: false, failure: shown } : { ok: true, value: shown };
      },
    },
  )();
  return { ...diagnosis, visited };
}

describe('a diagnosis', () => {
  it('finds nothing wrong with an upstream that shows a sign-in page', async () => {
    const outside = world();

    const { upstream, scope, problems, notes, visited } = await diagnose(outside);

    assert.deepEqual([problems, notes], [[], []]);
    assert.equal(upstream?.server.issuer, outside.upstream.issuer);
    assert.equal(scope, 'read write');
    const [url = ''] = visited;
    assert.equal(new URL(url).searchParams.get('redirect_uri'), callback);
    assert.equal(new URL(url).searchParams.get('resource'), upstreamMcp);
  });

  it('takes a redirect to a sign-in page for one', async () => {
    const page = { status: 302, location: 'https://as.upstream.example/sign-in' };

    assert.deepEqual((await diagnose(world(), { page })).problems, []);
  });

  it('takes a code without any question for a sign-in', async () => {
    const page = { status: 302, location: `${callback}?code=1` };

    assert.deepEqual((await diagnose(world(), { page })).problems, []);
  });

  it('says what cannot be found or reached', async () => {
    const silent = world();
    silent.upstream.serverDocuments.clear();
    const down = world();
    down.upstream.goDown();

    assert.match((await diagnose(silent)).problems[0] ?? '', /publishes no authorization server/);
    assert.match((await diagnose(down)).problems[0] ?? '', /cannot be reached \(.*HTTPS_PROXY/);
  });

  it('says what the authorization endpoint has against the request', async () => {
    const rows: readonly (readonly [VisitedPage | UpstreamFailure, RegExp])[] = [
      [{ status: 400, location: undefined }, /refuses the request \(status_400\).*callback URLs/],
      [{ status: 302, location: `${callback}?error=invalid_target` }, /set --upstream-resource/],
      [{ status: 404, location: undefined }, /status_404/],
      [{ status: 500, location: undefined }, /is in trouble \(status 500\): try again later/],
      [
        { status: 302, location: `${callback}?error=invalid_scope&error_description=No%20read` },
        /invalid_scope: No read\): set --upstream-scope/,
      ],
      [{ status: 302, location: `${callback}?error=unauthorized_client` }, /unauthorized_client/],
      [
        { kind: 'unavailable', reason: 'ECONNREFUSED', retryAfter: undefined },
        /authorization endpoint cannot be reached/,
      ],
      [{ kind: 'unusable', reason: 'Too long.' }, /Too long\./],
    ];
    for (const [page, problem] of rows) {
      const { problems, upstream } = await diagnose(world(), { page });

      assert.match(problems.join(), problem);
      assert.ok(upstream, 'what is known is shown all the same');
    }
  });

  const refusesResource = (refused: VisitedPage) => (url: string) =>
    new URL(url).searchParams.has('resource') ? refused : login;

  it('does not hold against an upstream what the gateway works round', async () => {
    const page = refusesResource({ status: 302, location: `${callback}?error=invalid_target` });

    const { problems, notes, visited } = await diagnose(world(), { page });

    assert.deepEqual(problems, []);
    assert.match(notes.join(), /takes it without: users are sent there twice/);
    assert.equal(visited.length, 2);
  });

  it('knows what to do where the page with resource is one that users would be stuck at', async () => {
    const page = refusesResource({ status: 400, location: undefined });

    const { problems } = await diagnose(world(), { page });

    assert.match(problems.join(), /status 400 with it\): set --upstream-resource=off/);
  });

  it('takes no answer to a robot for one to a user', async () => {
    for (const status of [403, 429]) {
      const { problems, notes } = await diagnose(world(), {
        page: { status, location: undefined },
      });

      assert.deepEqual(problems, []);
      assert.match(notes.join(), new RegExp(`with status ${status}; a browser may be let in`));
    }
  });

  it('shows what is known where the gateway gets no client', async () => {
    const outside = world();
    for (const [url, document] of outside.upstream.serverDocuments) {
      const silent = { ...document, registrationEndpoint: undefined };
      outside.upstream.serverDocuments.set(url, silent);
    }
    const unconfigured = { clientId: undefined, clientSecret: undefined };

    const diagnosis = await diagnose(outside, { settings: unconfigured });

    assert.match(diagnosis.problems.join(), /wants a client registered by hand/);
    assert.equal(diagnosis.upstream?.server.tokenEndpoint, `${outside.upstream.issuer}/token`);
    assert.equal(diagnosis.upstream?.manners.resource, upstreamMcp);
    assert.equal(diagnosis.scope, 'read write');
  });

  it('does so where the gateway may not work round it', async () => {
    const page = { status: 302, location: `${callback}?error=invalid_target` };

    for (const resourceParameter of ['off', 'urn:mcp']) {
      const { problems } = await diagnose(world(), { page, settings: { resourceParameter } });
      assert.match(problems.join(), /invalid_target/);
    }
  });
});

describe('a look at the token endpoint', () => {
  it('presents a code that nobody issued, as the client that the gateway is', async () => {
    const outside = world();

    const { problems } = await diagnose(outside);

    assert.deepEqual(problems, []);
    const [form] = outside.upstream.tokenForms;
    assert.equal(form?.grant_type, 'authorization_code');
    assert.equal(form?.resource, upstreamMcp);
  });

  it('finds a secret that is wrong', async () => {
    const { problems } = await diagnose(world(), { settings: { clientSecret: 'another' } });

    assert.match(problems.join(), /does not accept the client \(invalid_client.*correct/);
  });

  const unconfigured = { clientId: undefined, clientSecret: undefined };
  const publicUrl = 'https://gateway.example';
  for (const [what, asking, remedy, other] of [
    [
      'a client document',
      { publicUrl, settings: { ...unconfigured, registration: 'document' } },
      /running and reachable at https:\/\/gateway\.example\/oauth\/client-metadata\.json.*--upstream-registration=dynamic/,
      /--upstream-client-(?:id|secret)/,
    ],
    [
      'a client that registered itself',
      { settings: { ...unconfigured, registration: 'dynamic' } },
      /register one by hand with the callback URL http:.*\/upstream\/callback and set --upstream-client-id/,
      /--upstream-client-secret,|correct --upstream-client-id/,
    ],
  ] as const) {
    it(`says what there is to do about ${what} that is not taken at either endpoint`, async () => {
      const outside = world();
      outside.upstream.requestTokens = async () => ({
        ok: false,
        failure: refused('invalid_client'),
      });
      const page = { status: 400, location: undefined };

      const { problems } = await diagnose(outside, { page, ...asking });

      assert.equal(problems.length, 2);
      for (const problem of problems) {
        assert.match(problem, remedy);
        assert.doesNotMatch(problem, other);
      }
    });
  }

  const answers: readonly (readonly [string, UpstreamFailure, 'problems' | 'notes', RegExp])[] = [
    ['GitHub’s word for it', refused('bad_verification_code'), 'problems', /^$/],
    [
      'GitHub’s word for a wrong client',
      refused('incorrect_client_credentials'),
      'problems',
      /does not accept the client/,
    ],
    [
      'a word that says nothing',
      refused('invalid_request'),
      'notes',
      /invalid_request, which says/,
    ],
    [
      'a refusal of resource, sent or not',
      refused('invalid_target'),
      'problems',
      /refuses resource \(invalid_target\): set/,
    ],
    [
      'a server that has no codes',
      refused('unsupported_grant_type'),
      'problems',
      /no tokens for codes \(unsupported_grant_type\): set --upstream-as/,
    ],
    [
      'a page that is not there',
      { kind: 'unusable', reason: 'It answered with status 404.' },
      'problems',
      /status 404\. Correct/,
    ],
    [
      'trouble',
      { kind: 'unavailable', reason: 'status 503', retryAfter: undefined },
      'problems',
      /token endpoint is in trouble \(status 503\)/,
    ],
    [
      'silence',
      { kind: 'unavailable', reason: 'as: ECONNREFUSED', retryAfter: undefined },
      'problems',
      /token endpoint cannot be reached/,
    ],
  ];
  for (const [what, failure, kind, sentence] of answers) {
    it(`understands ${what}`, async () => {
      const outside = world();
      outside.upstream.requestTokens = async () => ({ ok: false, failure });

      const diagnosis = await diagnose(outside);

      assert.match(diagnosis[kind].join(), sentence);
    });
  }

  for (const [what, answer] of [
    ['yes', { ok: true, value: tokenAnswer }],
    ['no such code', { ok: false, failure: refused('invalid_grant') }],
  ] as const) {
    it(`is taken again without resource where that is refused, and the answer is then ${what}`, async () => {
      const outside = world();
      outside.upstream.requestTokens = async (_, form) =>
        'resource' in form ? { ok: false, failure: refused('invalid_target') } : answer;

      const { problems } = await diagnose(outside);

      assert.match(problems.join(), answer.ok ? /code that nobody issued/ : /^$/);
    });
  }

  it('leaves resource in where the operator wants it sent', async () => {
    const outside = world();
    outside.upstream.requestTokens = async () => ({
      ok: false,
      failure: refused('invalid_target'),
    });

    const asked = { settings: { resourceParameter: 'urn:mcp' } };

    assert.match((await diagnose(outside, asked)).problems.join(), /refuses resource/);
  });

  it('finds a server that gives tokens to everybody', async () => {
    const outside = world();
    outside.upstream.requestTokens = async () => ({ ok: true, value: tokenAnswer });

    assert.match((await diagnose(outside)).problems.join(), /code that nobody issued/);
  });
});

describe('a look at the MCP server where the way does not lead over it', () => {
  const issuer = 'https://as.upstream.example';
  const named = { authorizationEndpoint: `${issuer}/authorize`, tokenEndpoint: `${issuer}/token` };
  for (const [status, problem, note] of [
    [401, /^$/, /^$/],
    [404, /status 404: check --upstream-rs/, /^$/],
    [200, /^$/, /answers without a token/],
  ] as const) {
    it(`says what a ${status} means`, async () => {
      for (const settings of [named, { issuer }]) {
        const outside = world();
        outside.upstream.probeAnswer = { status, challenge: undefined };

        const { problems, notes } = await diagnose(outside, { settings });

        assert.match(problems.join(), problem);
        assert.match(notes.join(), note);
      }
    });
  }

  it('says when it cannot be reached', async () => {
    const outside = world();
    outside.upstream.probe = async () => ({
      ok: false,
      failure: { kind: 'unavailable', reason: 'ECONNREFUSED', retryAfter: undefined },
    });

    const { problems, upstream } = await diagnose(outside, { settings: named });

    assert.match(problems.join(), /MCP server cannot be reached/);
    assert.ok(upstream, 'the rest is shown');
  });
});

describe('a diagnosis of an upstream without OAuth', () => {
  const rows: readonly (readonly [UpstreamSettings['auth'], number, RegExp | undefined])[] = [
    ['none', 200, undefined],
    ['static', 200, undefined],
    ['none', 401, /wants a token \(status 401\): leave --upstream-auth out/],
    ['static', 403, /does not accept the header \(status 403\)/],
    ['none', 404, /status 404: check --upstream-rs/],
  ];
  for (const [auth, status, problem] of rows) {
    it(`${problem === undefined ? 'finds nothing wrong with' : 'says what is wrong with'} a ${status} (${auth})`, async () => {
      const outside = world();
      outside.upstream.probeAnswer = { status, challenge: undefined };

      const { problems, visited } = await diagnose(outside, { settings: { auth } });

      assert.equal(problems.length, problem === undefined ? 0 : 1);
      assert.match(problems.join(), problem ?? /^$/);
      assert.deepEqual(visited, []);
    });
  }

  it('says when it cannot be reached', async () => {
    const outside = world();
    outside.upstream.goDown();

    const { problems } = await diagnose(outside, { settings: { auth: 'none' } });

    assert.match(problems.join(), /MCP server cannot be reached/);
  });
});
