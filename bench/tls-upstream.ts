import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// An upstream over TLS that offers HTTP/1.1 and HTTP/2, with a certificate made on the spot.

const folder = mkdtempSync(join(tmpdir(), 'bench-tls-'));
const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
execFileSync(
  'openssl',
  ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-subj', '/CN=127.0.0.1'],
  { stdio: 'ignore' },
);

const token = JSON.stringify({ access_token: 'upstream-access', token_type: 'Bearer' });
const result = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } });
const files = { key: readFileSync(key), cert: readFileSync(cert), allowHTTP1: true };
const server = createSecureServer(files, (request, response) => {
  request.resume();
  const body = request.url === '/token' ? token : result;
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': String(body.length),
  });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening ${typeof address === 'object' ? address?.port : ''}`);
});
