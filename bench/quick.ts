import { startGenerator, startServer } from './processes.ts';
import { smallCalls } from './small-calls.ts';
import { script, startGateway, startScript } from './targets.ts';

// Small calls only, the gateway against the limit. Further builds of the gateway and other versions of Node can be named:
// node bench/dist/bench/quick.js 8 dist-before/main.js --node=/opt/node-24/bin/node

const [, , rounds = '8', ...others] = process.argv;
const upstream = await startServer(process.execPath, [script('upstream').pathname]);
const url = `http://127.0.0.1:${upstream.port}/mcp`;
const generator = await startGenerator(script('load'));
const targets = [await startScript('limit', url), await startGateway(url)];
for (const other of others) {
  const node = /^--node=(.+)$/.exec(other)?.[1];
  if (node === undefined) {
    targets.push(await startGateway(url, { name: other, entry: other }));
  } else {
    targets.push({ ...(await startScript('limit', url, { node })), name: `limit on ${node}` });
    targets.push(await startGateway(url, { name: `gateway on ${node}`, node }));
  }
}
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
