import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGenerator, startServer } from './processes.ts';
import { smallCall } from './requests.ts';
import { script, startGateway, startScript, type Target } from './targets.ts';

// Where the time of a small call goes: `npm run bench:profile [limit]`. Self time per function, as a share of what is not idle.

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly positionTicks?: readonly { readonly ticks: number }[];
    readonly hitCount: number;
  }[];
}

const folder = mkdtempSync(join(tmpdir(), 'bench-profile-'));
const nodeFlags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=200'];
const upstream = await startServer(process.execPath, [script('upstream').pathname]);
const url = `http://127.0.0.1:${upstream.port}/mcp`;
const target: Target =
  process.argv[2] === 'limit'
    ? await startScript('limit', url, { nodeFlags })
    : await startGateway(url, { nodeFlags });
const generator = await startGenerator(script('load'));
const { port, pid } = target.server;
const load = { port, request: smallCall(port, target.token), connections: 32, milliseconds: 8000 };
const { requests } = await generator.run(load);
await target.server.stop();
await upstream.stop();
await generator.stop();

const file = readdirSync(folder).find((name) => name.includes(`.${pid}.`)) ?? '';
const { nodes } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile;
const shares = new Map<string, number>();
let busy = 0;
for (const { callFrame, hitCount } of nodes) {
  if (callFrame.functionName === '(idle)' || callFrame.functionName === '(program)') continue;
  const place = callFrame.url.replace(/^.*node_modules\//, '').replace(/^.*\/dist\//, 'gateway ');
  const name = `${callFrame.functionName || '(anonymous)'}  ${place}`;
  shares.set(name, (shares.get(name) ?? 0) + hitCount);
  busy += hitCount;
}
console.log(`${requests} requests`);
for (const [name, hits] of [...shares].sort(([, a], [, b]) => b - a).slice(0, 60)) {
  console.log(`${((100 * hits) / busy).toFixed(1).padStart(5)} %  ${name}`);
}
process.exit();
