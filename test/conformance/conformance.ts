import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { clientMethods, runAuthorizationScenarios } from './authorization-runs.ts';
import { differences, tally } from './checks.ts';
import { type Circumstances, report, saysTheSame } from './report.ts';
import { runServerScenarios, type ServerRuns } from './server-runs.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { objections, type RevisionResults } from './verdict.ts';

// The official suite against the gateway: `npm run conformance`, with `-- --write` to write its page in docs anew.

const revisions = ['2025-11-25', '2026-07-28'];
const page = new URL('../../docs/conformance.md', import.meta.url);
const [major = '0'] = process.versions.node.split('.');

async function runRevision(upstream: Upstream, revision: string): Promise<RevisionResults> {
  const authorization: Array<RevisionResults['authorization'][number]> = [];
  for (const method of clientMethods) {
    const checks = await runAuthorizationScenarios(upstream, revision, method);
    authorization.push({ method, checks });
    const { passed, failed } = tally(checks);
    console.log(`${revision}  authorization, ${method}: ${passed} passed, ${failed} failed`);
  }
  const runs = await runBothWays(upstream, revision);
  for (const way of ['direct', 'through'] as const) {
    const { passed, failed } = tally(runs[way]);
    console.log(`${revision}  server, ${way}: ${passed} passed, ${failed} failed`);
  }
  return { revision, authorization, ...runs };
}

/** Some checks wait for half a second only: what differs on a busy machine has to differ a second time to count. */
async function runBothWays(upstream: Upstream, revision: string): Promise<ServerRuns> {
  const runs = await runServerScenarios(upstream, revision);
  const different = differences(runs.direct, runs.through);
  if (different.length === 0) return runs;
  console.log(`${revision}  differences, so once more:\n${different.join('\n')}`);
  return runServerScenarios(upstream, revision);
}

const versions = z.object({
  version: z.string(),
  devDependencies: z.object({
    '@modelcontextprotocol/conformance': z.string(),
    '@modelcontextprotocol/server': z.string(),
  }),
});

async function circumstances(): Promise<Circumstances> {
  const file = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version, devDependencies } = versions.parse(JSON.parse(file));
  return {
    suite: devDependencies['@modelcontextprotocol/conformance'],
    server: devDependencies['@modelcontextprotocol/server'],
    gateway: version,
    node: major,
    date: new Date().toISOString().slice(0, 10),
  };
}

async function judge(results: readonly RevisionResults[], isToWrite: boolean): Promise<number> {
  const found = results.flatMap(objections);
  if (found.length > 0) {
    console.error(found.join('\n'));
    return 1;
  }
  const fresh = report(await circumstances(), results);
  if (isToWrite) {
    await writeFile(page, fresh);
  } else if (!saysTheSame(await readFile(page, 'utf8'), fresh)) {
    console.error('docs/conformance.md says otherwise: npm run conformance -- --write');
    return 1;
  }
  console.log('Every check ended the same way direct and through the gateway.');
  return 0;
}

async function main(): Promise<number> {
  if (Number(major) < 22) {
    console.error(`The suite needs Node 22 or later, this is ${process.version}.`);
    return 1;
  }
  const upstream = await startUpstream();
  try {
    const results: RevisionResults[] = [];
    for (const revision of revisions) results.push(await runRevision(upstream, revision));
    return await judge(results, process.argv.includes('--write'));
  } finally {
    await upstream.close();
  }
}

process.exitCode = await main();
