import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { McpCall, UpstreamResourceServer } from '../../application/ports.ts';
import { type UpstreamToken, upstreamToken } from '../../domain/token-pair.ts';
import { chunkQueue } from './chunk-queue.ts';
import type { FakeResourceServer } from './fake-resource-server.ts';
import { startHttpResourceServer } from './http-resource-server.ts';
import {
  type AnswerOptions,
  bytesAnswer,
  challengeAnswer,
  eventStreamAnswer,
  jsonAnswer,
} from './mcp-answers.ts';
import { type RecordingSink, type RecordingSinkOptions, recordingSink } from './recording-sink.ts';

/** A way to an upstream MCP server that is to be judged, and the fake at its end. */
export interface ResourceServerUnderTest {
  readonly server: UpstreamResourceServer;
  /** What arrives there, and what is answered. */
  readonly upstream: Pick<FakeResourceServer, 'calls' | 'answerNext'>;
  /** Nobody can reach the upstream from now on. */
  goDown(): void | Promise<void>;
  comeUp(): void | Promise<void>;
  /** Ends the upstream; the suite itself closes the server. */
  close(): void | Promise<void>;
}

type Make = () => ResourceServerUnderTest | Promise<ResourceServerUnderTest>;

/** What every {@link UpstreamResourceServer} must show. */
export function upstreamResourceServerContract(name: string, make: Make): void {
  describe(`the upstream resource server ${name}`, () => {
    let tested: ResourceServerUnderTest;
    before(async () => {
      tested = await make();
    });
    after(async () => {
      await tested.server.close();
      await tested.close();
    });

    requests(() => tested);
    answers(() => tested);
    streams(() => tested);
    failures(() => tested);
  });
}

/** The fake at the other end of real sockets, for an implementation that is given its URL. */
export function resourceServerOverHttp(
  makeServer: (url: string) => UpstreamResourceServer,
): () => Promise<ResourceServerUnderTest> {
  return async () => {
    const upstream = await startHttpResourceServer({
      issuer: 'http://127.0.0.1',
      access: (presented) =>
        presented === token
          ? {
              clientId: 'gateway',
              subject: 'user',
              scope: '',
              resource: undefined,
              expiresAt: undefined,
            }
          : undefined,
    });
    return {
      server: makeServer(upstream.url),
      upstream,
      goDown: () => upstream.goDown(),
      comeUp: () => upstream.comeUp(),
      close: () => upstream.close(),
    };
  };
}

const token = upstreamToken('contract-token') as UpstreamToken;

interface CallOptions extends RecordingSinkOptions {
  readonly method?: string;
  readonly query?: string;
  readonly headers?: readonly string[];
  readonly body?: McpCall['body'];
}

function forwarded({ server }: ResourceServerUnderTest, options: CallOptions = {}) {
  const { method = 'POST', query = '', headers = [], body } = options;
  const sink = recordingSink(options);
  const exchange = server.forward(
    { method, query, headers, body, bodyAgain: () => undefined },
    token,
    sink,
  );
  return { sink, exchange };
}

async function heard(tested: ResourceServerUnderTest, options?: CallOptions) {
  const { sink } = forwarded(tested, options);
  const ending = await sink.ended;
  return { sink, ending };
}

const everyByte = Buffer.from(Array.from({ length: 256_000 }, (_, index) => index % 256));

function requests(tested: () => ResourceServerUnderTest): void {
  it('sends method, query and the upstream token in place of the client’s', async () => {
    const { upstream } = tested();
    upstream.answerNext(jsonAnswer({}));

    await heard(tested(), {
      method: 'GET',
      query: '?one=1&two=%20',
      headers: ['Authorization', 'Bearer of-the-client'],
    });

    const received = upstream.calls.at(-1);
    assert.equal(received?.method, 'GET');
    assert.equal(received?.query, '?one=1&two=%20');
    assert.equal(received?.token, token);
    assert.equal(received?.headers.authorization, `Bearer ${token}`);
  });

  it('sends what the server has to know, and nothing that is for the gateway alone', async () => {
    const { upstream } = tested();
    upstream.answerNext(jsonAnswer({}));

    await heard(tested(), {
      body: Buffer.from('{}'),
      headers: [
        'Content-Type',
        'application/json',
        'accept',
        'application/json, text/event-stream',
        'Last-Event-ID',
        '7',
        'MCP-Protocol-Version',
        '2025-11-25',
        'Mcp-Session-Id',
        'abc',
        'Cookie',
        'secret=1',
        'Proxy-Authorization',
        'Basic abc',
        'X-Forwarded-For',
        '192.0.2.1',
        'Origin',
        'https://client.example',
      ],
    });

    const { headers = {} } = upstream.calls.at(-1) ?? {};
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers.accept, 'application/json, text/event-stream');
    assert.equal(headers['last-event-id'], '7');
    assert.equal(headers['mcp-protocol-version'], '2025-11-25');
    assert.equal(headers['mcp-session-id'], 'abc');
    for (const kept of ['cookie', 'proxy-authorization', 'x-forwarded-for', 'origin']) {
      assert.equal(headers[kept], undefined, kept);
    }
  });

  it('sends a body byte for byte, whether it is there or comes as a stream', async () => {
    const { upstream } = tested();
    upstream.answerNext(jsonAnswer({}), jsonAnswer({}));

    await heard(tested(), { body: everyByte });
    await heard(tested(), { body: inPieces(everyByte) });

    for (const { body } of upstream.calls.slice(-2)) {
      assert.ok(Buffer.from(body).equals(everyByte));
    }
  });
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 10_007) {
    yield bytes.subarray(start, start + 10_007);
  }
}

function answers(tested: () => ResourceServerUnderTest): void {
  it('passes on status, headers and every byte of the body', async () => {
    const headers = ['Mcp-Session-Id', 'abc', 'X-Own', 'one', 'X-Own', 'two'];
    tested().upstream.answerNext(bytesAnswer([everyByte], { status: 404, headers }));

    const { sink, ending } = await heard(tested());

    assert.equal(ending, 'end');
    assert.equal(sink.status, 404);
    assert.equal(sink.headers['content-type'], 'application/octet-stream');
    assert.equal(sink.headers['mcp-session-id'], 'abc');
    assert.equal(sink.headers['x-own'], 'one, two');
    assert.ok(sink.bytes.equals(everyByte));
  });

  it('passes on no cookie', async () => {
    const options: AnswerOptions = { headers: ['Set-Cookie', 'session=1'] };
    tested().upstream.answerNext(jsonAnswer({}, options));

    const { sink } = await heard(tested());

    assert.equal(sink.headers['set-cookie'], undefined);
  });

  for (const status of [401, 403]) {
    it(`passes on a ${status}, and its challenge apart from the headers`, async () => {
      const challenge = 'Bearer error="invalid_token", error_description="a, b"';
      tested().upstream.answerNext(challengeAnswer(challenge, status));

      const { sink, ending } = await heard(tested());

      assert.equal(ending, 'end');
      assert.equal(sink.status, status);
      assert.equal(sink.challenge, challenge);
      assert.equal(sink.headers['www-authenticate'], undefined);
    });
  }

  it('knows of no challenge where there is none', async () => {
    tested().upstream.answerNext(jsonAnswer({}));

    const { sink } = await heard(tested());

    assert.equal(sink.challenge, undefined);
  });

  it('keeps many calls apart', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `answer ${index}`);
    tested().upstream.answerNext(...texts.map((text) => bytesAnswer([text])));

    const all = await Promise.all(texts.map(() => heard(tested())));

    const got = all.map(({ sink }) => sink.bytes.toString());
    assert.deepEqual([...got].sort(), [...texts].sort());
  });
}

function streams(tested: () => ResourceServerUnderTest): void {
  it('never says anything before the call has returned', async () => {
    const { server, upstream } = tested();
    upstream.answerNext(jsonAnswer({}));
    let returned = false;
    let early = false;
    const sink = recordingSink({
      onStart: () => {
        early = !returned;
      },
    });

    server.forward(
      { method: 'GET', query: '', headers: [], body: undefined, bodyAgain: () => undefined },
      token,
      sink,
    );
    returned = true;

    await sink.ended;
    assert.equal(early, false);
  });

  it('passes on each chunk when it comes, and headers before any', async () => {
    const stream = chunkQueue();
    tested().upstream.answerNext(eventStreamAnswer(stream));
    const { sink } = forwarded(tested(), { method: 'GET' });

    await sink.started;
    stream.push('data: one\n\n');
    await sink.firstChunk;
    assert.equal(sink.bytes.toString(), 'data: one\n\n');
    stream.push('data: two\n\n');
    stream.end();

    assert.equal(await sink.ended, 'end');
    assert.equal(sink.bytes.toString(), 'data: one\n\ndata: two\n\n');
  });

  it('holds the upstream back while the client does not read, and loses nothing', async () => {
    const total = 1024;
    const source = blocks(total);
    tested().upstream.answerNext(bytesAnswer(source.body));
    let open = false;
    const { sink, exchange } = forwarded(tested(), { onData: () => open });
    await sink.firstChunk;

    const produced = await settled(() => source.produced());
    assert.ok(produced < total / 2, `${produced} of ${total} blocks were taken from the upstream`);
    open = true;
    exchange.resume();

    assert.equal(await sink.ended, 'end');
    assert.equal(sink.bytes.length, total * blockLength);
  });

  it('goes on after every time that it was held back', async () => {
    const source = blocks(16);
    tested().upstream.answerNext(bytesAnswer(source.body));
    const { sink, exchange } = forwarded(tested(), {
      onData: () => {
        setImmediate(() => exchange.resume());
        return false;
      },
    });

    assert.equal(await sink.ended, 'end');
    assert.equal(sink.bytes.length, 16 * blockLength);
  });

  it('leaves the upstream when the client leaves, and says no more', async () => {
    const stream = chunkQueue();
    tested().upstream.answerNext(eventStreamAnswer(stream));
    const { sink, exchange } = forwarded(tested(), { method: 'GET' });
    stream.push('one');
    await sink.firstChunk;

    exchange.abort();
    stream.push('two');
    await stream.left;

    await heardNothingMore(tested(), sink, 'one');
  });

  it('may be left the moment the answer starts', async () => {
    tested().upstream.answerNext(bytesAnswer(['a body that nobody wants']));
    const { sink, exchange } = forwarded(tested(), { onStart: () => exchange.abort() });
    await sink.started;

    await heardNothingMore(tested(), sink, '');
  });

  it('may be left before anything has come, and once more', async () => {
    const { sink, exchange } = forwarded(tested());

    exchange.abort();
    exchange.abort();
    exchange.resume();

    await heard(tested());
    assert.ok(sink.silent);
  });
}

const blockLength = 64 * 1024;

/** A body of so many blocks, and how many of them were asked for so far. */
function blocks(total: number) {
  let produced = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    const block = Buffer.alloc(blockLength, 'x');
    while (produced < total) {
      produced += 1;
      yield block;
    }
  }
  return { body: body(), produced: () => produced };
}

/** A count, once it no longer changes. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1, same = 0; same < 5; ) {
    const now = count();
    same = now === before ? same + 1 : 0;
    before = now;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  return count();
}

/** Another call from beginning to end: time enough for a word too many. */
async function heardNothingMore(
  tested: ResourceServerUnderTest,
  sink: RecordingSink,
  text: string,
): Promise<void> {
  tested.upstream.answerNext(jsonAnswer({}));
  await heard(tested);
  const word = await Promise.race([sink.ended, Promise.resolve('nothing')]);
  assert.equal(word, 'nothing');
  assert.equal(sink.bytes.toString(), text);
}

function failures(tested: () => ResourceServerUnderTest): void {
  it('fails, and no more than that, when the upstream cannot be reached', async () => {
    await tested().goDown();

    const { sink, ending } = await heard(tested());

    await tested().comeUp();
    // A connection that was kept open may be what breaks.
    assert.ok(ending === 'unreachable' || ending === 'broken', ending);
    assert.equal(sink.status, undefined);
  });

  it('goes on when the upstream is back', async () => {
    await tested().goDown();
    await heard(tested());
    await tested().comeUp();
    tested().upstream.answerNext(jsonAnswer({ back: true }));

    assert.equal((await heard(tested())).ending, 'end');
  });

  it('fails when the upstream breaks before it answers', async () => {
    tested().upstream.answerNext({ type: 'cut' });

    const { sink, ending } = await heard(tested());

    assert.equal(ending, 'broken');
    assert.equal(sink.status, undefined);
  });

  it('fails when the upstream breaks in the middle, after what had come', async () => {
    const stream = chunkQueue();
    tested().upstream.answerNext(eventStreamAnswer(stream, { breaks: true }));
    const { sink } = forwarded(tested());
    stream.push('one');
    await sink.firstChunk;
    stream.end();

    assert.equal(await sink.ended, 'broken');
    assert.equal(sink.bytes.toString(), 'one');
  });
}
