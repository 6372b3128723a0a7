import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';
import { Agent, request } from 'undici';
import { askHealth } from '../../src/adapters/http/ask-health.ts';
import { ConfigurationError, createGateway } from '../../src/main.ts';
import { asStranger } from '../support/as-stranger.ts';
import { startStage } from './fake-stage.ts';

const ca = readFileSync('test/support/tls/ca.crt', 'utf8');
const upstreamRs = 'http://127.0.0.1:1/mcp';

/** A folder with a certificate and its key, which can be replaced. */
function certificates(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const tlsCert = join(folder, 'tls.crt');
  const tlsKey = join(folder, 'tls.key');
  const put = (name: 'server' | 'client', which: 'both' | 'crt' = 'both') => {
    copyFileSync(`test/support/tls/${name}.crt`, tlsCert);
    if (which === 'both') copyFileSync(`test/support/tls/${name}.key`, tlsKey);
  };
  put('server');
  return { tlsCert, tlsKey, put };
}

/** Whose certificate is shown on a port. */
async function shownOn(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject }: PeerCertificate = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

const commonName = (name: string) =>
  /CN=(.*)/.exec(x509(`test/support/tls/${name}.crt`))?.[1] ?? '';

function x509(path: string): string {
  return new X509Certificate(readFileSync(path)).subject;
}

test('with a certificate and its key everything is https', async (t) => {
  const { tlsCert, tlsKey } = certificates(t);
  const { gateway, local } = await startStage(t, { tlsCert, tlsKey });
  const { port } = new URL(local);
  const agent = new Agent({ connect: { ca } });
  t.after(() => agent.close());

  const { body } = await request(
    `https://localhost:${port}/.well-known/oauth-authorization-server`,
    { dispatcher: agent },
  );

  assert.equal(gateway.url, `https://localhost:${port}`);
  const document = (await body.json()) as Readonly<Record<string, unknown>>;
  assert.equal(document.token_endpoint, `https://localhost:${port}/token`);
  await assert.rejects(request(`http://127.0.0.1:${port}/`), 'plain http is not answered');
});

test('a renewed certificate is shown to whoever connects from then on', async (t) => {
  const { put, ...files } = certificates(t);
  const { gateway, local, events } = await startStage(t, files);
  const port = Number(new URL(local).port);

  const before = await shownOn(port);
  put('client');
  gateway.reload();

  assert.equal(before, commonName('server'));
  assert.equal(await shownOn(port), commonName('client'));
  assert.deepEqual(events.of('file_reloaded'), [{ type: 'file_reloaded', file: files.tlsCert }]);
});

test('a certificate without its key yet changes nothing, until the key is there', async (t) => {
  const { put, ...files } = certificates(t);
  const { gateway, local, events } = await startStage(t, files);
  const port = Number(new URL(local).port);

  put('client', 'crt');
  gateway.reload();
  gateway.reload();
  const between = await shownOn(port);
  put('client');
  gateway.reload();

  assert.equal(between, commonName('server'));
  assert.equal(events.of('file_unusable').length, 1);
  assert.equal(await shownOn(port), commonName('client'));
});

test('files that cannot even be looked at any more are told once, and the old certificate stays', async (t) => {
  const { put, ...files } = certificates(t);
  const { gateway, local, events } = await startStage(t, files);
  const port = Number(new URL(local).port);

  rmSync(files.tlsCert);
  symlinkSync(files.tlsCert, files.tlsCert);
  gateway.reload();
  gateway.reload();
  const between = await shownOn(port);
  rmSync(files.tlsCert);
  put('client');
  gateway.reload();

  assert.equal(between, commonName('server'));
  const [told, ...more] = events.of('file_unusable');
  assert.match(told?.reason ?? '', /^ELOOP/);
  assert.deepEqual(more, []);
  assert.equal(await shownOn(port), commonName('client'));
});

test('two files that do not belong together stop the start', (t) => {
  const { put, ...files } = certificates(t);
  put('client', 'crt');

  assert.throws(
    () => createGateway({ upstreamRs, ...files }),
    (error) =>
      error instanceof ConfigurationError &&
      error.faults[0]?.setting === 'tlsCert' &&
      /are no certificate and its key/.test(error.message),
  );
});

test('a file that holds something else, or one of the two alone, is a fault', (t) => {
  const { tlsCert, tlsKey } = certificates(t);
  writeFileSync(tlsKey, 'nonsense');

  assert.throws(() => createGateway({ upstreamRs, tlsCert, tlsKey }), /holds no private key/);
  assert.throws(() => createGateway({ upstreamRs, tlsCert }), /go together/);
});

test('a key that this user may not read is a fault that says who has to', {
  skip: process.platform === 'win32',
}, (t) => {
  const { tlsCert, tlsKey } = certificates(t);
  chmodSync(tlsKey, 0);

  asStranger(() =>
    assert.throws(
      () => createGateway({ upstreamRs, tlsCert, tlsKey }),
      /tls\.key" cannot be read \(EACCES\); it must be readable by the user that the gateway runs as\./,
    ),
  );
});

test('a gateway with TLS is asked for its health with TLS, whatever its certificate is for', async (t) => {
  const { tlsCert, tlsKey } = certificates(t);
  const { local } = await startStage(t, { tlsCert, tlsKey });
  const address = { host: '127.0.0.1', port: Number(new URL(local).port) };

  assert.equal((await askHealth({ ...address, tls: true })).ok, true);
  assert.equal((await askHealth({ ...address, tls: false })).ok, false);
});

test('who connects and says nothing does not keep a stop waiting', async (t) => {
  const { tlsCert, tlsKey } = certificates(t);
  const { gateway, local } = await startStage(t, { tlsCert, tlsKey, shutdownTimeout: 0 });
  const socket = connectPlain(Number(new URL(local).port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');

  await gateway.close();

  socket.destroy();
});
