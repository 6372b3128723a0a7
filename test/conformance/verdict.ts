import type { clientMethods } from './authorization-runs.ts';
import { type Check, differences, failedScenarios } from './checks.ts';
import type { ServerRuns } from './server-runs.ts';

/** Scenarios that the upstream itself does not pass, and why it need not. */
export const notImplemented = [
  {
    name: '`tasks-*`',
    scenarios: /^tasks-/,
    why: 'They are about the extension `io.modelcontextprotocol/tasks`, which the server of the official SDK does not implement.',
  },
] as const;

/** Everything that the suite said about one revision of the specification. */
export interface RevisionResults extends ServerRuns {
  readonly revision: string;
  readonly authorization: readonly {
    readonly method: (typeof clientMethods)[number];
    readonly checks: readonly Check[];
  }[];
}

/** What must not be, as sentences to read; empty for a good result. */
export function objections(results: RevisionResults): readonly string[] {
  const { revision, direct, through, authorization } = results;
  const unexpected = failedScenarios(direct).filter(
    (scenario) => !notImplemented.some(({ scenarios }) => scenarios.test(scenario)),
  );
  return [
    ...unexpected.map((name) => `${revision}: the upstream itself does not pass ${name}`),
    ...differences(direct, through).map(
      (text) => `${revision}: direct and through differ: ${text}`,
    ),
    ...authorization.flatMap(({ method, checks }) =>
      refused(checks).map((text) => `${revision}, client authentication ${method}: ${text}`),
    ),
  ];
}

/** A skipped check is none: the suite's client did not find the method it was to use. A warning is about a SHOULD. */
function refused(checks: readonly Check[]): readonly string[] {
  return checks
    .filter(({ status }) => status === 'FAILURE' || status === 'SKIPPED')
    .map(({ id, status, errorMessage = '' }) => `${id}: ${status} ${errorMessage}`);
}
