import { startGenerator, startServer } from './processes.ts';
import { smallCalls } from './small-calls.ts';
import { script, startGateway, startScript } from './targets.ts';

// Small calls only, the gateway against the limit; further builds of it can be named: node bench/dist/bench/quick.js 8 dist-before/main.js

const upstream = await startServer(process.execPath, [script('upstream').pathname]);
const url = `http://127.0.0.1:${upstream.port}/mcp`;
const generator = await startGenerator(script('load'));
const targets = [await startScript('limit', url), await startGateway(url)];
const [, , rounds = '8', ...entries] = process.argv;
for (const entry of entries) targets.push(await startGateway(url, { name: entry, entry }));
const results = await smallCalls(targets, generator, {
  connections: 32,
  rounds: Number(rounds),
  milliseconds: 1500,
});
console.table(results);
console.log(`cpu ratio to limit: ${results[1]?.cpuRatio.toFixed(2)}`);
await Promise.all([
  generator.stop(),
  upstream.stop(),
  ...targets.map(({ server }) => server.stop()),
]);
process.exit();
