import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sendCall, startWay } from './both-ways.ts';

// An upstream with a certificate of its own making, which this test process alone is to trust.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

type Answer = (request: Http2ServerRequest, response: Http2ServerResponse) => Promise<void> | void;

function certificate(): { readonly key: Buffer; readonly cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const subject = ['-subj', '/CN=127.0.0.1', '-days', '1'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', key, '-out', cert, ...subject],
    { stdio: 'ignore' },
  );
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

async function upstream(t: TestContext, answer: Answer): Promise<string> {
  const server = createSecureServer({ ...certificate(), allowHTTP1: true }, (request, response) => {
    void answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  return `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/mcp`;
}

const versions = [
  ['1.1', '1.1'],
  ['2', '2.0'],
] as const;

for (const [upstreamHttp, spoken] of versions) {
  test(`an upstream that offers both is spoken to in HTTP/${upstreamHttp} where that is set`, async (t) => {
    let version = '';
    let body = '';
    const upstreamRs = await upstream(t, async (request, response) => {
      version = request.httpVersion;
      for await (const chunk of request) body += chunk;
      response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'abc' });
      response.end(`${request.headers.authorization}`);
    });
    const way = await startWay(t, { upstreamRs, upstreamHttp });

    const { answer, socket } = await sendCall(way, 'POST', ['Content-Length: 2'], '{}');
    const heard = await answer();

    assert.deepEqual([version, body, heard?.body], [spoken, '{}', 'Bearer upstream-access']);
    const session = heard?.headers.find(([name]) => name.toLowerCase() === 'mcp-session-id');
    assert.equal(session?.[1], 'abc');
    socket.destroy();
  });

  test(`a client that leaves a stream over HTTP/${upstreamHttp} aborts it`, async (t) => {
    let gone = (): void => {};
    const left = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const upstreamRs = await upstream(t, (_request, response) => {
      response.on('close', gone);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(':1\n');
    });
    const way = await startWay(t, { upstreamRs, upstreamHttp });
    const { wire, socket } = await sendCall(way, 'GET');
    await wire.through(':1\n');

    socket.destroy();

    await left;
  });
}
