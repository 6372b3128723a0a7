import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createGateway } from '../../src/main.ts';
import { yesSayer } from '../support/yes-sayer.ts';
import { abuse } from './abuse.ts';
import { credentials, mixedLoad, startUpstream } from './mixed-load.ts';

// Mixed load for a long time, honest and abusive: `npm run soak` is twenty minutes, `npm run soak -- --seconds=20` the short form. Fails where an
// honest client meets an error, memory still grows after the warm-up, a socket is left on either side, a rejection or a warning is left to nobody, a
// call went otherwise than it should, or abuse is answered with a failure.

const seconds = Number(
  process.argv.find((each) => each.startsWith('--seconds='))?.slice(10) ?? 1200,
);
const warmUp = seconds / 4;
const left: string[] = [];
process.on('unhandledRejection', (reason) => left.push(`unhandled rejection: ${String(reason)}`));
process.on('warning', (warning) => left.push(`warning: ${warning.message}`));

/** Bytes in use, after what nobody needs has been thrown away. */
function memory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function listenOnLoopback(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

function connections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Looks until none is open any more, or the time is over; the number that is left. */
async function connectionsLeft(server: Server): Promise<number> {
  for (let look = 0; look < 100 && (await connections(server)) > 0; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return connections(server);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

const upstream = startUpstream();
const upstreamOrigin = await listenOnLoopback(upstream);
// The gateway's handler in a server of our own, whose connections can be counted.
const front = createServer((request, response) => gateway.handler(request, response));
const base = await listenOnLoopback(front);
const gateway = createGateway(
  {
    ...credentials,
    port: 0,
    publicUrl: base,
    upstreamRs: `${upstreamOrigin}/mcp`,
    upstreamClientId: 'soak',
    upstreamAuthorizeEndpoint: `${upstreamOrigin}/authorize`,
    upstreamTokenEndpoint: `${upstreamOrigin}/token`,
    // Abuse comes from addresses of its own; what it may leave behind is there before the warm-up is over.
    trustedProxy: '127.0.0.1',
    maxFlows: seconds < 600 ? 500 : 5000,
  },
  { authorizationServer: yesSayer },
);

const begin = performance.now();
const elapsed = () => (performance.now() - begin) / 1000;
const samples: number[] = [];
const sampling = setInterval(
  () => {
    const used = memory();
    if (elapsed() >= warmUp) samples.push(used);
    console.log(`${elapsed().toFixed(0).padStart(5)} s  ${megabytes(used)} in use`);
  },
  (seconds * 1000) / 40,
);
const isOver = () => elapsed() >= seconds;
const [honest, abusive] = await Promise.all([
  mixedLoad(base, { clients: 16, signIn: Math.min(60, seconds / 2) * 1000 }, isOver),
  abuse(base, credentials.username, isOver),
]);
clearInterval(sampling);
console.log('honest', honest.done);
console.log('abusive', abusive.done);

const third = Math.floor(samples.length / 3);
const before = mean(samples.slice(0, third));
const after = mean(samples.slice(-third));
const sockets = { client: await connectionsLeft(front), upstream: await connectionsLeft(upstream) };
await gateway.close();
front.close();
upstream.close();
console.log(`after the warm-up ${megabytes(before)}, at the end ${megabytes(after)}`);
console.log('sockets left', sockets);

for (const { faults } of [honest, abusive]) {
  assert.deepEqual(faults.slice(0, 10), [], `${faults.length} calls went wrong`);
}
assert.deepEqual(left, []);
assert.deepEqual(sockets, { client: 0, upstream: 0 });
assert.ok(after < before * 1.1 + 2e6, 'memory grows after the warm-up');
console.log('Nothing grew, nothing was left.');
