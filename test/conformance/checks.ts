/** One verdict of the suite. */
export interface Check {
  readonly scenario: string;
  /** Names the rule; a scenario that tries a rule in several ways has several checks of one id. */
  readonly id: string;
  /** INFO is no verdict: a message that was seen. */
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly description: string;
  readonly errorMessage: string | undefined;
}

/** How many checks ended how, INFO apart. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly warned: number;
  readonly skipped: number;
}

/** Counts checks by how they ended. */
export function tally(checks: readonly Check[]): Tally {
  const count = (status: Check['status']) =>
    checks.filter((check) => check.status === status).length;
  return {
    passed: count('SUCCESS'),
    failed: count('FAILURE'),
    warned: count('WARNING'),
    skipped: count('SKIPPED'),
  };
}

/** The scenarios with a check that failed, each once. */
export function failedScenarios(checks: readonly Check[]): readonly string[] {
  const failed = checks.filter(({ status }) => status === 'FAILURE');
  return [...new Set(failed.map(({ scenario }) => scenario))];
}

/**
 * What differs between two runs, as sentences to read; empty where each check of the one ended as the same check of the
 * other. The n-th check of an id in a scenario is compared with the n-th.
 */
export function differences(direct: readonly Check[], through: readonly Check[]): string[] {
  const left = numbered(direct);
  const right = numbered(through);
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((name) => {
    const [a, b] = [left.get(name), right.get(name)];
    return a?.status === b?.status
      ? []
      : [`${name}\n  direct:  ${outcome(a)}\n  through: ${outcome(b)}`];
  });
}

function numbered(checks: readonly Check[]): ReadonlyMap<string, Check> {
  const named = new Map<string, Check>();
  for (const check of checks.filter(({ status }) => status !== 'INFO')) {
    const name = `${check.scenario}: ${check.id}`;
    let place = 1;
    while (named.has(`${name} #${place}`)) place += 1;
    named.set(`${name} #${place}`, check);
  }
  return named;
}

function outcome(check: Check | undefined): string {
  if (check === undefined) return 'no such check';
  const { status, description, errorMessage } = check;
  return errorMessage === undefined
    ? `${status} (${description})`
    : `${status} (${description}): ${errorMessage}`;
}
