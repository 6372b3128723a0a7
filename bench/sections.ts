import { connect } from 'node:net';
import { Pool } from 'undici';
import { dance, refresh } from '../test/support/dance.ts';
import type { Generator, Server } from './processes.ts';
import { smallCall, streamCall } from './requests.ts';
import { median, quantile } from './statistics.ts';
import { credentials, type Target } from './targets.ts';
import { MessageSplitter } from './wire.ts';

/** One line of the results: the target's name and its figures. */
export type Row = Readonly<Record<string, string | number>>;

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What a target adds to the answer times of the upstream alone, at a rate that leaves all of them idle most of the time. */
export async function addedDelay(
  direct: Target,
  targets: readonly Target[],
  generator: Generator,
  rounds: number,
): Promise<Row[]> {
  const all = [direct, ...targets];
  const samples = all.map(() => ({ p50: [] as number[], p99: [] as number[] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { server, token }] of all.entries()) {
      const request = smallCall(server.port, token);
      const load = { port: server.port, request, connections: 16, rate: 500, milliseconds: 3000 };
      const { latencies } = await generator.run(load);
      samples[index]?.p50.push(quantile(latencies, 0.5));
      samples[index]?.p99.push(quantile(latencies, 0.99));
    }
  }
  const added = (index: number, key: 'p50' | 'p99') =>
    median(
      samples[index]?.[key].map((each, round) => each - (samples[0]?.[key][round] ?? 0)) ?? [],
    );
  return targets.map(({ name }, index) => ({
    target: name,
    'p50 added (µs)': Math.round(added(index + 1, 'p50')),
    'p99 added (µs)': Math.round(added(index + 1, 'p99')),
  }));
}

/** Answers of 10 MB: how many per second, what they cost, and how much memory they leave. */
export async function bigAnswers(
  targets: readonly Target[],
  generator: Generator,
  rounds: number,
): Promise<Row[]> {
  const samples = targets.map(() => ({ rate: [] as number[], cpu: [] as number[], memory: 0 }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { server, token }] of targets.entries()) {
      const before = server.cpu();
      const request = streamCall(server.port, token, 'big');
      const load = { port: server.port, request, connections: 4, milliseconds: 2000 };
      const { requests, seconds } = await generator.run(load);
      const sample = samples[index];
      sample?.rate.push((requests * 10) / seconds);
      sample?.cpu.push((server.cpu() - before) / requests / 1000);
      if (sample) sample.memory = Math.max(sample.memory, server.memory());
    }
  }
  const ratio = (index: number, key: 'rate' | 'cpu') =>
    median(
      samples[index]?.[key].map((each, round) => each / (samples[0]?.[key][round] ?? Number.NaN)) ??
        [],
    );
  return targets.map(({ name }, index) => ({
    target: name,
    'throughput ratio to limit': round2(ratio(index, 'rate')),
    'MB/s': Math.round(median(samples[index]?.rate ?? [])),
    'CPU per answer (ms)': round2(median(samples[index]?.cpu ?? [])),
    'CPU ratio to limit': round2(ratio(index, 'cpu')),
    'resident after (MB)': Math.round((samples[index]?.memory ?? 0) / 1e6),
  }));
}

/** Twenty events, each stamped when it was written: how late they arrive, and how many come in a piece of their own. */
export async function eventDelay(
  direct: Target,
  targets: readonly Target[],
  rounds: number,
): Promise<Row[]> {
  const all = [direct, ...targets];
  const delays = all.map(() => [] as number[]);
  const alone = all.map(() => 0);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, target] of all.entries()) {
      const heard = await hearEvents(target);
      delays[index]?.push(...heard.delays);
      alone[index] = Math.max(alone[index] ?? 0, heard.together);
    }
  }
  const base = median(delays[0] ?? []);
  return targets.map(({ name }, index) => ({
    target: name,
    'added per event, median (µs)': Math.round(median(delays[index + 1] ?? []) - base),
    'most events in one piece': alone[index + 1] ?? 0,
  }));
}

function hearEvents({ server, token }: Target): Promise<{ delays: number[]; together: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    const delays: number[] = [];
    let together = 0;
    socket.write(streamCall(server.port, token, 'events'));
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      const now = Number(process.hrtime.bigint() / 1000n);
      const stamps = [...bytes.toString('latin1').matchAll(/data: (\d+)\n/g)];
      delays.push(...stamps.map(([, stamp]) => now - Number(stamp)));
      together = Math.max(together, stamps.length);
      if (delays.length < 20) return;
      socket.destroy();
      resolve({ delays, together });
    });
  });
}

/** Five hundred streams held open: what each of them takes, over the same process idle. */
export async function heldStreams(targets: readonly Target[], count = 500): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, server, token } of targets) {
    await wait(1000);
    const idle = server.memory();
    const sockets = await Promise.all(
      Array.from({ length: count }, () => openStream(server, token)),
    );
    await wait(2000);
    const each = (server.memory() - idle) / count / 1000;
    rows.push({ target: name, 'per held stream (KB)': Math.round(each * 10) / 10 });
    for (const socket of sockets) socket.destroy();
  }
  return rows;
}

function openStream(server: Server, token: string) {
  return new Promise<ReturnType<typeof connect>>((resolve, reject) => {
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    socket.on('error', reject);
    socket.write(streamCall(server.port, token));
    const splitter = new MessageSplitter(() => {}, { head: () => resolve(socket) });
    socket.on('data', (bytes) => splitter.push(bytes));
  });
}

/** Start to the first answer, and the memory of the process that has given it; medians. */
export async function starts(
  kinds: readonly { readonly name: string; start(): Promise<Server> }[],
  rounds: number,
): Promise<Row[]> {
  const samples = kinds.map(() => ({
    time: [] as number[],
    cpu: [] as number[],
    memory: [] as number[],
  }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, kind] of kinds.entries()) {
      const before = performance.now();
      const server = await kind.start();
      await firstAnswer(server.port);
      samples[index]?.time.push(performance.now() - before);
      samples[index]?.cpu.push(server.cpu() / 1000);
      await wait(500);
      samples[index]?.memory.push(server.memory() / 1e6);
      await server.stop();
    }
  }
  const ratio = (index: number, key: 'time' | 'cpu' | 'memory') =>
    round2(
      median(
        samples[index]?.[key].map((each, round) => each / (samples[0]?.[key][round] ?? 0)) ?? [],
      ),
    );
  return kinds.map(({ name }, index) => ({
    target: name,
    'start to first answer (ms)': Math.round(median(samples[index]?.time ?? [])),
    'time ratio to limit': ratio(index, 'time'),
    'CPU to first answer (ms)': Math.round(median(samples[index]?.cpu ?? [])),
    'CPU ratio to limit': ratio(index, 'cpu'),
    'idle (MB)': Math.round(median(samples[index]?.memory ?? [])),
    'idle ratio to limit': ratio(index, 'memory'),
  }));
}

function firstAnswer(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write('GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    socket.on('error', reject);
    socket.once('data', () => {
      socket.destroy();
      resolve();
    });
  });
}

/** Whole flows and refreshes: what each costs the gateway's process, and what a grant of one leaves in its memory. */
export async function flows(gateway: Server, dances: number, refreshes: number): Promise<Row[]> {
  const base = `http://localhost:${gateway.port}`;
  const pool = new Pool(base, { connections: 8 });
  const one = () => dance(base, credentials, pool);
  await many(200, one); // warm
  const before = { cpu: gateway.cpu(), memory: gateway.memory() };
  const made = await many(dances, one);
  const perDance = (gateway.cpu() - before.cpu) / dances;
  const grown = gateway.memory() - before.memory;
  const start = gateway.cpu();
  let index = 0;
  await many(refreshes, () => {
    const each = made[index % made.length];
    index += 1;
    if (each === undefined) throw new Error('No grant to refresh.');
    return refresh(base, each, pool);
  });
  const perRefresh = (gateway.cpu() - start) / refreshes;
  await pool.close();
  return [
    {
      'dances per second and core': Math.round(1e6 / perDance),
      'refreshes per second and core': Math.round(1e6 / perRefresh),
      'resident growth per dance (KB)': round2(grown / dances / 1000),
    },
  ];
}

/** So many, eight at a time. */
async function many<Value>(count: number, work: () => Promise<Value>): Promise<Value[]> {
  const done: Value[] = [];
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      done.push(await work());
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return done;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
