import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { startGenerator, startServer } from './processes.ts';
import {
  addedDelay,
  bigAnswers,
  eventDelay,
  flows,
  heldStreams,
  type Row,
  starts,
} from './sections.ts';
import { type SmallCalls, smallCalls } from './small-calls.ts';
import {
  gatewayProcess,
  script,
  startGateway,
  startNginx,
  startScript,
  type Target,
} from './targets.ts';

// `npm run bench`: everything, some ten minutes. `npm run bench -- --quick`: small calls of the gateway and the limit, under a minute.
// `npm run bench -- --only=events`: the sections with that in their title once more. Results go to the screen and, all but the quick ones, to
// bench/results/full.json, of which `npm run bench:chart` makes the picture in docs/performance.md.

const quick = process.argv.includes('--quick');
const only = process.argv.find((each) => each.startsWith('--only='))?.slice(7);

function show(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  console.table(rows);
}

function smallCallRows(found: readonly SmallCalls[]): Row[] {
  const round = (value: number) => Math.round(value * 100) / 100;
  return found.map(({ name, cpu, cpuRatio, perSecond, throughputRatio, errors }) => ({
    target: name,
    'CPU per call (µs)': Math.round(cpu * 10) / 10,
    'CPU ratio to limit': round(cpuRatio),
    'calls per second': Math.round(perSecond),
    'throughput ratio to limit': round(throughputRatio),
    errors,
  }));
}

/** The same gateway and upstream, over TLS, in HTTP/1.1 and in HTTP/2. */
async function httpVersions(): Promise<Row[]> {
  const secure = await startServer(process.execPath, [script('tls-upstream').pathname]);
  // A certificate that nobody else is to trust.
  const environment = { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
  const start = (version: string) =>
    startGateway(`https://127.0.0.1:${secure.port}/mcp`, {
      name: `HTTP/${version}`,
      flags: [`--upstream-http=${version}`],
      environment,
    });
  const versions = [await start('1.1'), await start('2')];
  const options = { connections: 32, rounds: 9, milliseconds: 1500 };
  const found = await smallCalls(versions, generator, options);
  await Promise.all([secure.stop(), ...versions.map(({ server }) => server.stop())]);
  return found.map(({ name, cpu, cpuRatio, perSecond }) => ({
    target: name,
    'CPU per call (µs)': Math.round(cpu),
    'CPU ratio to HTTP/1.1': Math.round(cpuRatio * 100) / 100,
    'calls per second': Math.round(perSecond),
  }));
}

const upstream = await startServer(process.execPath, [script('upstream').pathname]);
const url = `http://127.0.0.1:${upstream.port}/mcp`;
const generator = await startGenerator(script('load'));
const limit = await startScript('limit', url);
const gateway = await startGateway(url);
const stop: { stop(): Promise<void> }[] = [upstream, generator, limit.server, gateway.server];

async function small(targets: readonly Target[], connections: number, rounds: number) {
  const found = await smallCalls(targets, generator, { connections, rounds, milliseconds: 1500 });
  console.log(`cpu ratio to limit: ${found[1]?.cpuRatio.toFixed(2)}`);
  return smallCallRows(found);
}

if (quick) {
  const options = { connections: 32, rounds: 12, milliseconds: 1200 };
  const found = await smallCalls([limit, gateway], generator, options);
  show('small calls, 32 connections', smallCallRows(found));
  await end();
  console.log(`cpu ratio to limit: ${found[1]?.cpuRatio.toFixed(2)}`);
  process.exit();
}

const nginx = await startNginx(url);
const forwarders = [limit, gateway, ...(nginx ? [nginx] : [])];
forwarders.push(await startScript('fastify-proxy', url));
const sdk = await startScript('sdk-server', url);
const direct = { name: 'direct', server: upstream, token: '' };
stop.push(...[...forwarders.slice(2), sdk].map(({ server }) => server));

const sections: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  'small calls, 32 connections': () => small([...forwarders, sdk], 32, 15),
  'small calls, 256 connections': () => small(forwarders, 256, 9),
  'delay at 500 calls per second': () => addedDelay(direct, forwarders, generator, 7),
  events: () => eventDelay(direct, forwarders, 9),
  'answers of 10 MB': () => bigAnswers(forwarders, generator, 15),
  'HTTP to an upstream over TLS': httpVersions,
  '500 streams held open': async () => {
    // Processes that have done nothing yet, so that their memory is not that of a load before.
    const fresh = [await startScript('limit', url), await startGateway(url)];
    const rows = await heldStreams(fresh);
    await Promise.all(fresh.map(({ server }) => server.stop()));
    return rows;
  },
  start: () =>
    starts(
      [
        { name: 'limit', start: async () => (await startScript('limit', url)).server },
        { name: 'gateway', start: () => gatewayProcess(url) },
      ],
      9,
    ),
  flows: async () => {
    const flowing = await gatewayProcess(url, { flags: ['--registrations-per-minute=1000000'] });
    const rows = await flows(flowing, 3000, 3000);
    await flowing.stop();
    return rows;
  },
  grants: async () => {
    const output = execFileSync(process.execPath, ['--expose-gc', script('grants').pathname]);
    return JSON.parse(output.toString()) as Row[];
  },
};

const file = 'bench/results/full.json';
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
const results: Record<string, readonly Row[]> =
  only === undefined ? {} : JSON.parse(readFileSync(file, 'utf8')).results;
for (const [title, run] of Object.entries(sections)) {
  if (only !== undefined && !title.includes(only)) continue;
  const rows = await run();
  show(title, rows);
  results[title] = rows;
  const written = JSON.stringify({ date: new Date().toISOString(), machine, results }, null, 2);
  writeFileSync(file, `${written}\n`);
}
await end();
process.exit();

async function end(): Promise<void> {
  await Promise.all(stop.map((each) => each.stop()));
}
