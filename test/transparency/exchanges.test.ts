import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bothWays, type Way } from './both-ways.ts';
import { openConnection, type RawMessage, readAnswer, WireReader } from './raw-http.ts';

/** An odd exchange: what goes to the server, and the bytes that it answers with. */
interface Exchange {
  readonly name: string;
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** Header lines besides Host and Authorization. */
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly answer: string;
}

const json = 'Content-Type: application/json';
const plain = `HTTP/1.1 200 OK\r\n${json}\r\nContent-Length: 2\r\n\r\n{}`;
const gzip = gzipSync('{"jsonrpc":"2.0"}').toString('latin1');
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => index)).toString('latin1');
const big = 'b'.repeat(15_000);

const exchanges: readonly Exchange[] = [
  { name: 'a small answer', answer: plain },
  {
    name: 'a body in chunks, with an extension',
    answer: `HTTP/1.1 200 OK\r\n${json}\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\n\r\n`,
  },
  {
    name: 'a request body in chunks',
    headers: [json, 'Transfer-Encoding: chunked'],
    body: '4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n',
    answer: plain,
  },
  {
    name: 'trailers',
    answer:
      'HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: abc\r\nX-Other: 1\r\n\r\n',
  },
  {
    name: 'trailers to a client of HTTP/1.0, which cannot have them',
    version: 'HTTP/1.0',
    answer: 'HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nContent-Length: 2\r\n\r\nok',
  },
  {
    name: 'HEAD with the length of what GET would give',
    method: 'HEAD',
    answer: `HTTP/1.1 200 OK\r\n${json}\r\nContent-Length: 12345\r\n\r\n`,
  },
  { name: 'HEAD without a length', method: 'HEAD', answer: `HTTP/1.1 200 OK\r\n${json}\r\n\r\n` },
  { name: '202 without a body', answer: 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n' },
  { name: '204', method: 'DELETE', answer: 'HTTP/1.1 204 No Content\r\nX-Own: 1\r\n\r\n' },
  {
    name: '304 with a length',
    method: 'GET',
    headers: ['If-None-Match: "1"'],
    answer: 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 99\r\n\r\n',
  },
  { name: 'an empty body', headers: ['Content-Length: 0'], answer: plain },
  {
    name: '404 of a session that is over',
    headers: ['Mcp-Session-Id: gone'],
    answer: `HTTP/1.1 404 Not Found\r\n${json}\r\nContent-Length: 2\r\n\r\n{}`,
  },
  {
    name: 'big headers both ways',
    headers: [`Mcp-Param-Big: ${big}`],
    answer: `HTTP/1.1 200 OK\r\nX-Big: ${big}\r\nX-Big-Too: ${big}\r\nContent-Length: 0\r\n\r\n`,
  },
  {
    name: 'one header many times, and odd spellings',
    answer:
      'HTTP/1.1 200 OK\r\nx-own: one\r\nX-OWN: two\r\nX-Own:   three  \r\nvary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n',
  },
  {
    name: 'bytes beyond ASCII in a header',
    answer: 'HTTP/1.1 200 OK\r\nX-Name: caf\xe9 \xc3\xa9\r\nContent-Length: 0\r\n\r\n',
  },
  {
    name: 'a gzip body, untouched',
    headers: ['Accept-Encoding: gzip'],
    answer: `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gzip.length}\r\n\r\n${gzip}`,
  },
  {
    name: 'a gzip request body, untouched',
    headers: ['Content-Encoding: gzip', `Content-Length: ${gzip.length}`],
    body: gzip,
    answer: plain,
  },
  {
    name: 'every byte there is',
    headers: ['Content-Type: application/octet-stream', 'Content-Length: 256'],
    body: everyByte,
    answer: `HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n${everyByte}`,
  },
  {
    name: 'early hints',
    answer: `HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\nX-Hint: 1\r\n\r\n${plain}`,
  },
  { name: 'processing', answer: `HTTP/1.1 102 Processing\r\n\r\n${plain}` },
  {
    name: 'a redirect of another kind',
    answer: 'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n',
  },
  {
    name: 'a redirect to another origin',
    answer:
      'HTTP/1.1 307 Temporary Redirect\r\nLocation: https://elsewhere.example/mcp\r\nContent-Length: 0\r\n\r\n',
  },
  {
    name: 'a redirect that leads nowhere',
    answer: 'HTTP/1.1 308 Permanent Redirect\r\nContent-Length: 0\r\n\r\n',
  },
  { name: 'a query', target: '/mcp?one=1&two=%20&three', answer: plain },
  { name: 'an empty query', target: '/mcp?', answer: plain },
  {
    name: 'a body without a length from a server of HTTP/1.0',
    answer: `HTTP/1.0 200 OK\r\n${json}\r\n\r\n{"until":"close"}`,
  },
  {
    name: 'a body without a length to a client of HTTP/1.0',
    version: 'HTTP/1.0',
    answer: `HTTP/1.1 200 OK\r\n${json}\r\nConnection: close\r\n\r\n{"until":"close"}`,
  },
  {
    name: 'an upstream that closes after its answer',
    answer: `HTTP/1.1 200 OK\r\n${json}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
  },
  {
    name: 'an upstream that keeps nothing of HTTP but the status',
    answer: 'HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n',
  },
  {
    name: 'an event stream',
    method: 'GET',
    headers: ['Accept: text/event-stream', 'Last-Event-ID: 7'],
    answer:
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nid: 8\ndata:\r\n6\r\n one\n\n\r\n0\r\n\r\n',
  },
];

for (const exchange of exchanges) {
  test(`goes through as it goes direct: ${exchange.name}`, async (t) => {
    const ways = await bothWays(t, (_request, socket) => {
      socket.write(exchange.answer, 'latin1');
      if (exchange.name.includes('without a length')) socket.end();
    });

    const direct = await heard(ways.direct, exchange);
    const through = await heard(ways.through, exchange);

    assert.deepEqual(through.map(listed), direct.map(listed));
    const [sent, forwarded] = ways.requests;
    assert.deepEqual(forwarded && asForwarded(forwarded), sent && asForwarded(sent));
  });
}

/** All answers to one request, interim ones included. */
async function heard(way: Way, exchange: Exchange): Promise<RawMessage[]> {
  const { method = 'POST', target = '/mcp', version = 'HTTP/1.1', headers = [], body } = exchange;
  const socket = await openConnection(way.port);
  const head = [
    `${method} ${target} ${version}`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${way.token}`,
    ...headers,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1');
  const wire = new WireReader(socket);
  const answers: RawMessage[] = [];
  for (;;) {
    const answer = await readAnswer(wire, method);
    assert.ok(answer, 'an answer comes');
    answers.push(answer);
    if (/^HTTP\/1\.1 1/.test(answer.start)) continue;
    socket.destroy();
    return answers;
  }
}

/** What belongs to one hop, and what the gateway decides (docs/proxy.md): everything else has to be equal. */
const ours = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'date',
  'x-request-id',
]);
const ofEventStreams = new Set(['cache-control', 'x-accel-buffering']);

function listed({ start, headers, body, trailers, complete }: RawMessage) {
  const stream = headers.some(([, value]) => value.startsWith('text/event-stream'));
  const kept = headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !ours.has(lower) && !(stream && ofEventStreams.has(lower)) && lower !== 'trailer';
  });
  return { status: start.split(' ')[1], headers: kept, body, trailers, complete };
}

/** What the upstream has to see: the same, but for its own Host, its own token and the gateway's name. */
function asForwarded({ start, headers, body }: RawMessage) {
  const kept = headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !ours.has(name) && name !== 'host' && name !== 'user-agent');
  const [method, target = ''] = start.split(' ');
  return { method, target: target.replace(/\?$/, ''), headers: kept.sort(), body };
}
