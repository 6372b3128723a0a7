import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { DoctorReport } from '../../src/adapters/configuration/doctor-report.ts';
import { asksForDoctor, runDoctor } from '../../src/adapters/configuration/run-doctor.ts';
import {
  type LoopbackServer,
  startLoopbackServer,
} from '../../src/adapters/testing/loopback-server.ts';
import { examineUpstream } from '../../src/main.ts';
import { startUpstream } from '../real-parts/direct-setup.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { startStage } from './fake-stage.ts';

/** Runs the doctor as from a command line. */
async function run(...flags: readonly string[]) {
  let out = '';
  let err = '';
  const code = await runDoctor(
    {
      argv: ['node', 'main.js', 'doctor', ...flags],
      env: {},
      stdout: { write: (text: string) => (out += text) },
      stderr: { write: (text: string) => (err += text) },
    },
    examineUpstream,
    '1.2.3',
  );
  return { code, out, err };
}

/** An upstream whose MCP URL has a key in its query, and whose metadata is about what is told. */
async function startKeyedUpstream(
  t: TestContext,
  about: (resource: string) => string,
): Promise<LoopbackServer> {
  const inserted = '/.well-known/oauth-protected-resource';
  const server = await startLoopbackServer((request, response) => {
    const answer = (code: number, body: object) =>
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const { origin } = server;
    const asked = request.url ?? '';
    if (asked.startsWith('/mcp')) return answer(401, {});
    if (asked.startsWith(`${inserted}/mcp`)) {
      const resource = about(`${origin}${asked.slice(inserted.length)}`);
      return answer(200, { resource, authorization_servers: [origin] });
    }
    if (asked.startsWith('/.well-known/oauth-authorization-server')) {
      return answer(200, {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        code_challenge_methods_supported: ['S256'],
      });
    }
    if (asked.startsWith('/authorize')) return answer(200, {});
    return asked === '/token' ? answer(400, { error: 'invalid_grant' }) : answer(404, {});
  });
  t.after(server.close);
  return server;
}

describe('doctor', () => {
  test('finds that a user could sign in at a real server, and says what the gateway will do', async (t) => {
    const { as, mcp } = await startUpstream(t, startSdkMcpServer);

    const { code, out } = await run(`--upstream-rs=${mcp.url}`);

    assert.equal(code, 0, out);
    for (const line of [
      new RegExp(`POST ${mcp.url} +401`),
      /GET .*oauth-protected-resource\/mcp +200 application\/json/,
      /GET .*oauth-authorization-server +200 application\/json/,
      /POST .*\/reg +201 application\/json/,
      /GET .*\/auth\?… +303/,
      new RegExp(`authorization server +${as.issuer}`),
      /PKCE +S256/,
      /client +\S+ \(registered just now/,
      /client authentication +client_secret_basic/,
      /scope +mcp offline_access/,
      new RegExp(`resource +${mcp.url}`),
      /callback URL to register +http:\/\/localhost:8002\/upstream\/callback/,
      /MCP URL +http:\/\/localhost:8002\/mcp/,
      /A user can sign in/,
    ]) {
      assert.match(out, line);
    }
    assert.ok(!/secret_basic.*:|access_token|client_secret=/.test(out));
  });

  test('finds that nobody could sign in where nobody registered the gateway', async (t) => {
    const { mcp } = await startUpstream(t, startSdkMcpServer, { registration: false });

    const { code, out } = await run(`--upstream-rs=${mcp.url}`, '--json');

    const report = JSON.parse(out);
    assert.equal(code, 1);
    assert.equal(report.ok, false);
    assert.match(report.problems.join(), /registered by hand.*\/upstream\/callback/);
    assert.equal(report.asked[0].status, 401);
    assert.equal(
      report.plan['callback URL to register'],
      'http://localhost:8002/upstream/callback',
    );
  });

  test('finds a client that the server does not know', async (t) => {
    const { mcp } = await startUpstream(t, startSdkMcpServer, { registration: false });

    const { code, out } = await run(`--upstream-rs=${mcp.url}`, '--upstream-client-id=nobody');

    assert.equal(code, 1);
    assert.match(out, /What is wrong\n {2}The authorization endpoint refuses .*callback URLs/);
    assert.match(out, /client +nobody \(configured\)/);
  });

  test('finds a secret that the server does not take', async (t) => {
    const { mcp } = await startUpstream(t, startSdkMcpServer, {
      registration: false,
      clients: [
        {
          client_id: 'by-hand',
          client_secret: 'right',
          application_type: 'native',
          redirect_uris: ['http://localhost/upstream/callback'],
          grant_types: ['authorization_code', 'refresh_token'],
        },
      ],
    });
    const flags = [`--upstream-rs=${mcp.url}`, '--upstream-client-id=by-hand'];

    const right = await run(...flags, '--upstream-client-secret=right');
    const wrong = await run(...flags, '--upstream-client-secret=wrong');

    assert.equal(right.code, 0, right.out);
    assert.match(right.out, /POST .*\/token +400 application\/json/);
    assert.equal(wrong.code, 1);
    assert.match(wrong.out, /does not accept the client \(invalid_client/);
    assert.ok(!wrong.out.includes('wrong"'), 'the secret is not shown');
  });

  for (const json of [false, true]) {
    test(`lets nothing of an upstream’s move the cursor${json ? ', in JSON either' : ''}`, async () => {
      const hostile = 'evil\u001b]0;\u0007\u009b2J\u202e\u2028\nA user can sign in';
      const report: DoctorReport = {
        ok: false,
        upstream: hostile,
        asked: [],
        plan: { client: hostile },
        clients: {},
        notes: [hostile],
        problems: [hostile],
      };
      let out = '';
      const process = {
        argv: [
          'node',
          'main.js',
          'doctor',
          '--upstream-rs=https://a.example/mcp',
          ...(json ? ['--json'] : []),
        ],
        env: {},
        stdout: { write: (text: string) => (out += text) },
        stderr: { write: () => true },
      };

      await runDoctor(process, async () => report, '1');

      assert.doesNotMatch(out.replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}]/u);
      assert.doesNotMatch(out, /^A user can/m);
      if (json) assert.deepEqual(JSON.parse(out), report);
    });
  }

  test('finds an MCP server that wants no token, and one that takes the fixed header or not', async (t) => {
    const { mcp } = await startStage(t);
    const url = `--upstream-rs=${mcp.url}`;

    const wanting = await run(url, '--upstream-auth=none');
    const strange = await run(url, '--upstream-auth=static', '--upstream-header=X-Key: 1');

    assert.equal(wanting.code, 1);
    assert.match(wanting.out, /wants a token \(status 401\)/);
    assert.match(strange.out, /does not accept the header \(status 401\)/);
    assert.match(strange.out, /authorization +a fixed header/);
    assert.ok(!strange.out.includes('X-Key'));
  });

  for (const json of [false, true]) {
    for (const [what, about, seen] of [
      ['as its resource', (own: string) => own, /resource\W+http:.*\/mcp(?:\?…|\\u2026)/],
      ['in what is about another', (own: string) => `${own}2`, /about another resource/],
    ] as const) {
      test(`shows no key of an upstream’s query ${what}${json ? ', in JSON' : ''}`, async (t) => {
        const { origin } = await startKeyedUpstream(t, about);

        const { out, err } = await run(
          `--upstream-rs=${origin}/mcp?api_key=a-key-of-mine`,
          '--upstream-client-id=by-hand',
          ...(json ? ['--json'] : []),
        );

        assert.match(out, seen);
        assert.doesNotMatch(out + err, /a-key-of-mine/);
      });
    }
  }

  test('needs no password, and refuses what a start would refuse', async () => {
    const far = await run(
      '--upstream-rs=https://upstream.invalid/mcp',
      '--public-url=https://g.example',
    );
    const wrong = await run('--upstream-rs=nowhere');
    const help = await run('--help');

    assert.equal(far.code, 1);
    assert.match(far.out, /cannot be reached/);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /is not a URL/);
    assert.equal(help.code, 0);
    assert.match(help.out, /doctor --upstream-rs=URL .*--json/);
  });

  test('tells where clients look for a gateway below a path', async () => {
    const { out } = await run(
      '--upstream-rs=https://upstream.invalid/mcp',
      '--public-url=https://g.example/a/b',
      '--json',
    );

    assert.deepEqual(JSON.parse(out).clients, {
      'MCP URL': 'https://g.example/a/b/mcp',
      'resource metadata': 'https://g.example/.well-known/oauth-protected-resource/a/b/mcp',
      'server metadata': 'https://g.example/.well-known/oauth-authorization-server/a/b',
      issuer: 'https://g.example/a/b',
    });
  });

  test('says in a sentence when it cannot even begin', async () => {
    let err = '';
    const code = await runDoctor(
      {
        argv: ['node', 'main.js', 'doctor', '--upstream-rs=https://a.example/mcp'],
        env: {},
        stdout: { write: () => true },
        stderr: { write: (text: string) => (err += text) },
      },
      () => Promise.reject(new Error('no more sockets')),
      '1',
    );

    assert.equal(code, 1);
    assert.match(err, /could not be examined: no more sockets\./);
  });

  test('is asked for by its name alone', () => {
    assert.equal(asksForDoctor(['doctor', '--json']), true);
    assert.equal(asksForDoctor(['--upstream-rs=doctor']), false);
  });
});
