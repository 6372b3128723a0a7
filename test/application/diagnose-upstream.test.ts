import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VisitedPage } from '../../src/application/diagnose-upstream.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { doctor } from '../../src/application/use-cases.ts';
import type { UpstreamFailure } from '../../src/domain/upstream-tokens.ts';
import { callback, gatewayKeys, settings, upstreamMcp, type World, world } from './wired.ts';

const login: VisitedPage = { status: 200, location: undefined };

interface Asking {
  readonly settings?: Partial<UpstreamSettings>;
  readonly page?: VisitedPage | UpstreamFailure;
}

/** A diagnosis, and the pages that were looked at for it. */
async function diagnose(outside: World, asking: Asking = {}) {
  const visited: string[] = [];
  const { page = login } = asking;
  const diagnosis = await doctor(
    outside.ports,
    {
      upstream: { ...settings, ...asking.settings },
      callbackUrl: () => callback,
      publicUrl: undefined,
      keys: gatewayKeys(),
    },
    {
      visit: async (url) => {
        visited.push(url);
        return 'kind' in page ? { ok: false, failure: page } : { ok: true, value: page };
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
      [{ status: 404, location: undefined }, /status_404/],
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

  it('does not hold against an upstream what the gateway works round', async () => {
    const page = { status: 302, location: `${callback}?error=invalid_target` };

    const { problems, notes } = await diagnose(world(), { page });

    assert.deepEqual(problems, []);
    assert.match(notes.join(), /once more without resource/);
  });

  it('does so where the gateway may not work round it', async () => {
    const page = { status: 302, location: `${callback}?error=invalid_target` };

    for (const resourceParameter of ['off', 'urn:mcp']) {
      const { problems } = await diagnose(world(), { page, settings: { resourceParameter } });
      assert.match(problems.join(), /invalid_target/);
    }
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
