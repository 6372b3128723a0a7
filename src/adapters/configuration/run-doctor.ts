import { readCommandLine, refusal } from './command-line.ts';
import { type DoctorReport, doctorJson, doctorLines } from './doctor-report.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import { printed } from './printed.ts';
import type { ProcessLike } from './run.ts';
import { environmentName } from './settings.ts';

/** Examines the upstream of a configuration. */
export type Examine = (config: GatewayConfig) => Promise<DoctorReport>;

/** Whether a command line asks for the doctor. */
export function asksForDoctor(argv: readonly string[]): boolean {
  return argv[0] === 'doctor';
}

/**
 * Runs `doctor` with the flags of a start, and `--json`. Resolves with the exit code: 0 where a user could sign in (or for `--help`), 1 where
 * not.
 */
export async function runDoctor(
  process: Pick<ProcessLike, 'argv' | 'env' | 'stdout' | 'stderr'>,
  examine: Examine,
  version: string,
): Promise<number> {
  const given = process.argv.slice(3);
  const flags = given.filter((flag) => flag !== '--json');
  // Nobody signs in here: that the password is the default is no matter.
  const env = { [environmentName('password')]: 'unused', ...process.env };
  const asked = await readCommandLine(flags, env);
  if (asked.type === 'help' || asked.type === 'version') {
    process.stdout.write(`${await printed(asked, version, process.stdout.columns)}\n`);
    return 0;
  }
  if (asked.type !== 'start') {
    process.stderr.write(`${'text' in asked ? asked.text : asked.type}\n`);
    return 1;
  }
  let report: DoctorReport;
  try {
    report = await examine(asked.config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${refusal([`The upstream could not be examined: ${reason}.`]).text}\n`);
    return 1;
  }
  const json = flags.length < given.length;
  const text = json ? doctorJson(report) : doctorLines(report).join('\n');
  process.stdout.write(`${text}\n`);
  return report.ok ? 0 : 1;
}
