import { type Check, failedScenarios, tally } from './checks.ts';
import { notImplemented, type RevisionResults } from './verdict.ts';

/** What was run, where and when. */
export interface Circumstances {
  readonly suite: string;
  readonly server: string;
  readonly gateway: string;
  /** The major version. */
  readonly node: string;
  /** As in 2026-07-28. */
  readonly date: string;
}

/** The results as a page for docs. */
export function report(about: Circumstances, results: readonly RevisionResults[]): string {
  return `# Conformance

What the official conformance suite of MCP says about the gateway. \`npm run conformance\` (Node 22 or later) runs it, and
fails when the results are others than these; \`npm run conformance -- --write\` writes this page.

| | |
|---|---|
| Suite | \`@modelcontextprotocol/conformance\` ${about.suite}, on Node ${about.node} |
| Gateway | ${about.gateway} |
| Upstream | [test/conformance/good-server](../test/conformance/good-server), made with \`@modelcontextprotocol/server\` ${about.server} |
| Date | ${about.date} |

## Server scenarios

All scenarios that a revision names, run against the upstream itself and then through the gateway. Every check has to end
the same way both times: the gateway changes nothing.

| Revision | Run | Scenarios | Checks passed | Failed | Warnings | Skipped |
|---|---|--:|--:|--:|--:|--:|
${results.flatMap(({ revision, direct, through }) => [serverRow(revision, 'direct', direct), serverRow(revision, 'through the gateway', through)]).join('\n')}

Not passed by the upstream itself, and so not through the gateway either:

${notImplemented.map(({ name, scenarios, why }) => `- ${name} (${failedScenarios(allDirect(results)).filter((scenario) => scenarios.test(scenario)).length} scenarios with failed checks). ${why}`).join('\n')}

The scenarios of the skills extension (\`sep-2640-*\`) belong to no revision, and skip all of their checks with a server that
does not declare it; they are not run.

## Authorization server scenarios

The gateway as authorization server: the suite reads its metadata and goes through the authorization code grant, a
headless browser signs in. The suite's client uses the first method it likes of those offered, so a proxy narrows the
metadata to one.

| Revision | Client authentication | Check | Result |
|---|---|---|---|
${results.flatMap(authorizationRows).join('\n')}
`;
}

function serverRow(revision: string, run: string, checks: readonly Check[]): string {
  const scenarios = new Set(checks.map(({ scenario }) => scenario)).size;
  const { passed, failed, warned, skipped } = tally(checks);
  return `| ${[revision, run, scenarios, passed, failed, warned, skipped].join(' | ')} |`;
}

function authorizationRows({ revision, authorization }: RevisionResults): string[] {
  return authorization.flatMap(({ method, checks }) =>
    checks.map(({ id, status, errorMessage }) => {
      const result = status === 'SUCCESS' ? 'passed' : `${status.toLowerCase()}: ${errorMessage}`;
      return `| ${revision} | \`${method}\` | ${id} | ${result} |`;
    }),
  );
}

function allDirect(results: readonly RevisionResults[]): readonly Check[] {
  return results.flatMap(({ direct }) => direct);
}

/** Whether two pages say the same, whenever and for whichever release they were written. */
export function saysTheSame(left: string, right: string): boolean {
  const timeless = (page: string) => page.replace(/^\| (Date|Gateway) \|.*$/gm, '');
  return timeless(left) === timeless(right);
}
