import type { Result } from '../../domain/result.ts';
import { refusal } from './command-line.ts';
import { checkConfiguration } from './gateway-configuration.ts';
import { helpText } from './help.ts';
import { type ReadText, readFromDisk } from './read-setting-file.ts';
import { readSources } from './read-sources.ts';
import type { ProcessLike } from './run.ts';
import { operatorSpelling } from './sources.ts';

/** Asks a gateway of this machine whether it lives; both outcomes are sentences. */
export type AskHealth = (address: {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}) => Promise<Result<string, string>>;

/** Whether a command line asks for it. */
export function asksForHealthcheck(argv: readonly string[]): boolean {
  return argv[0] === 'healthcheck';
}

/**
 * Runs `healthcheck` with the settings of a start, of which only the address matters: 0 where the gateway lives, 1 where not. For containers,
 * which have no other program to ask with.
 */
export async function runHealthcheck(
  process: Pick<ProcessLike, 'argv' | 'env' | 'stdout' | 'stderr'>,
  ask: AskHealth,
  readText: ReadText = readFromDisk,
): Promise<number> {
  const given = await readSources(process.argv.slice(3), process.env, readText);
  if (given.flags.asksFor === 'help') {
    process.stdout.write(`${helpText(process.stdout.columns ?? 80)}\n`);
    return 0;
  }
  const { port, host } = given.values;
  const spelling = operatorSpelling(given.sources);
  // What has no bearing on where it listens.
  const elsewhere = {
    upstreamRs: 'http://localhost',
    publicUrl: 'http://localhost',
    password: '-',
  };
  const checked = checkConfiguration(
    { ...elsewhere, ...(port !== undefined && { port }), ...(host !== undefined && { host }) },
    spelling,
  );
  if (!checked.ok) {
    const sentences = checked.failure.map(({ message }) => message);
    return fail(process, [...given.faults, ...sentences]);
  }
  if (given.faults.length > 0) return fail(process, given.faults);
  const { value } = checked;
  if (value.port === 0) {
    return fail(process, [
      `The port is any free one, so nobody knows where to ask; give it, for example ${spelling.example('port')}.`,
    ]);
  }
  const asked = await ask({
    host: reachable(value.host),
    port: value.port,
    tls: given.values.tlsCert !== undefined,
  });
  (asked.ok ? process.stdout : process.stderr).write(`${asked.ok ? asked.value : asked.failure}\n`);
  return asked.ok ? 0 : 1;
}

function fail({ stderr }: Pick<ProcessLike, 'stderr'>, sentences: readonly string[]): number {
  stderr.write(`${refusal(sentences).text}\n`);
  return 1;
}

/** Who listens everywhere listens on loopback too. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === 'localhost') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
