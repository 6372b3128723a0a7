import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startStage } from './fake-stage.ts';

/** A gateway that keeps a connection would be waited for. */
const bounded = { timeout: 60_000 };

/** Answered without a look at their bodies. */
const unread: readonly (readonly [line: string, status: number])[] = [
  ['POST /nowhere', 404],
  ['PUT /token', 405],
  ['POST /token', 400], // no form
  ['GET /healthz', 200],
  ['GET /authorize', 400],
  ['GET /.well-known/oauth-authorization-server', 200],
  ['OPTIONS /token', 204],
  ['POST /mcp', 401],
];

const head = (line: string, framing: string) => `${line} HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`;

/** A client that closes nothing by itself. */
function dial(t: TestContext, port: number | string): Socket {
  const client = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
  client.on('error', () => {});
  t.after(() => client.destroy());
  return client;
}

async function answered(client: Socket): Promise<string> {
  const [chunk] = await once(client, 'data');
  return String(chunk);
}

/** The gateway in a server whose end of the connection can be looked at. */
async function looking(t: TestContext, handler: RequestListener) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = dial(t, (server.address() as AddressInfo).port);
  const [socket] = (await once(server, 'connection')) as [Socket];
  return { client, socket };
}

for (const [line, status] of unread) {
  for (const framing of ['Content-Length: 100000', 'Transfer-Encoding: chunked']) {
    test(
      `${line} with a body that may be long (${framing}) is answered, and its connection ended`,
      bounded,
      async (t) => {
        const { gateway } = await startStage(t);
        const { client, socket } = await looking(t, gateway.handler);
        t.mock.timers.enable({ apis: ['setTimeout'] });
        client.write(`${head(line, framing)}1`);

        let text = '';
        client.on('data', (chunk) => {
          text += chunk;
        });
        await once(client, 'end');

        assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
        assert.match(text, /\r\nConnection: close\r\n/i);
        // What was on its way already does not reset the connection.
        client.write('\r\n');
        assert.equal(socket.destroyed, false);
        t.mock.timers.tick(5_000);
        assert.equal(socket.destroyed, true);
      },
    );
  }

  test(
    `${line} with a short body that never comes whole loses its connection soon`,
    bounded,
    async (t) => {
      const { gateway } = await startStage(t);
      const { client, socket } = await looking(t, gateway.handler);
      t.mock.timers.enable({ apis: ['setTimeout'] });
      client.write(`${head(line, 'Content-Length: 100')}1`);

      assert.match(await answered(client), new RegExp(`^HTTP/1.1 ${status} `));
      t.mock.timers.tick(4_999);
      assert.equal(socket.destroyed, false);
      t.mock.timers.tick(1);

      assert.equal(socket.destroyed, true);
      await once(client, 'end');
    },
  );

  test(
    `${line} with a short body keeps its connection, also when the body comes after the answer`,
    bounded,
    async (t) => {
      const { gateway } = await startStage(t);
      const { client, socket } = await looking(t, gateway.handler);
      t.mock.timers.enable({ apis: ['setTimeout'] });

      client.write(`${head(line, 'Content-Length: 3')}abc`);
      const first = await answered(client);
      client.write(`${head(line, 'Content-Length: 3')}a`);
      const second = await answered(client);
      client.write(`bc${head('GET /healthz', 'Connection: close')}`);
      const third = await answered(client);
      await once(client, 'end');

      for (const answer of [first, second]) {
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
        assert.doesNotMatch(answer, /\r\nConnection: close\r\n/i);
      }
      assert.match(third, /^HTTP\/1.1 200 /);
      // Destroyed, and not only ended: without a timer.
      if (!socket.destroyed) await once(socket, 'close');
    },
  );
}

test(
  'a connection that ends with its answer is gone once the rest of the long body has come',
  bounded,
  async (t) => {
    const { gateway } = await startStage(t);
    const { client, socket } = await looking(t, gateway.handler);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    client.write(`${head('POST /nowhere', 'Content-Length: 100000')}1`);
    await once(client.resume(), 'end');

    client.write('1'.repeat(99_999));

    await once(socket, 'close');
  },
);

// Running requests have an hour: without what it says, this would outlast every test.
for (const length of [100, 100_000]) {
  test(
    `a stop does not wait for the rest of ${length} bytes that nobody reads`,
    bounded,
    async (t) => {
      const { gateway, local } = await startStage(t, { shutdownTimeout: 3_600 });
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const client = dial(t, new URL(local).port);
      client.write(`${head('POST /nowhere', `Content-Length: ${length}`)}1`);
      await answered(client);

      await gateway.close();
    },
  );
}
