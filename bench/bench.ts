import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
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
import { gatewayProcess, script, startGateway, startNginx, startScript } from './targets.ts';

// `npm run bench`: everything, some ten minutes. `npm run bench -- --quick`: small calls of the gateway and the limit, under a minute.
// Results go to the screen and to bench/results.json, of which `npm run bench:chart` makes the picture in docs/performance.md.

const quick = process.argv.includes('--quick');
const results: Record<string, readonly Row[]> = {};

function report(title: string, rows: readonly Row[]): void {
  results[title] = rows;
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

let headline: readonly SmallCalls[];
if (quick) {
  const options = { connections: 32, rounds: 12, milliseconds: 1200 };
  headline = await smallCalls([limit, gateway], generator, options);
  report('small calls, 32 connections', smallCallRows(headline));
} else {
  const nginx = await startNginx(url);
  const fastify = await startScript('fastify-proxy', url);
  const sdk = await startScript('sdk-server', url);
  const targets = [limit, gateway, ...(nginx ? [nginx] : []), fastify, sdk];
  stop.push(...targets.slice(2).map(({ server }) => server));
  headline = await smallCalls(targets, generator, {
    connections: 32,
    rounds: 15,
    milliseconds: 1500,
  });
  report('small calls, 32 connections', smallCallRows(headline));
  const many = { connections: 256, rounds: 9, milliseconds: 1500 };
  report(
    'small calls, 256 connections',
    smallCallRows(await smallCalls(targets.slice(0, -1), generator, many)),
  );
  const direct = { name: 'direct', server: upstream, token: '' };
  const forwarders = targets.slice(0, -1);
  report('delay at 500 calls per second', await addedDelay(direct, forwarders, generator, 7));
  report('events', await eventDelay(direct, forwarders, 9));
  report('answers of 10 MB', await bigAnswers(forwarders, generator, 9));
  report('HTTP to an upstream over TLS', await httpVersions());
  // A process that has done nothing yet, so that its memory is not that of a load before.
  const fresh = [await startScript('limit', url), await startGateway(url)];
  report('500 streams held open', await heldStreams(fresh));
  await Promise.all(fresh.map(({ server }) => server.stop()));
  const kinds = [
    { name: 'limit', start: async () => (await startScript('limit', url)).server },
    { name: 'gateway', start: () => gatewayProcess(url) },
  ];
  report('start', await starts(kinds, 9));
  const flowing = await gatewayProcess(url);
  report('flows', await flows(flowing, 3000, 3000));
  await flowing.stop();
  const grants = execFileSync(process.execPath, ['--expose-gc', script('grants').pathname]);
  report('grants', JSON.parse(grants.toString()) as Row[]);
}

if (!quick) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const written = JSON.stringify({ date: new Date().toISOString(), machine, results }, null, 2);
  mkdirSync('bench/results', { recursive: true });
  writeFileSync('bench/results/full.json', `${written}\n`);
}
await Promise.all(stop.map((each) => each.stop()));
console.log(`cpu ratio to limit: ${headline[1]?.cpuRatio.toFixed(2)}`);
process.exit();
