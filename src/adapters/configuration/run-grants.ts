import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Result } from '../../domain/result.ts';
import { refusal } from './command-line.ts';
import { helpText } from './help.ts';
import { type ReadText, readFromDisk } from './read-setting-file.ts';
import { readSources } from './read-sources.ts';
import type { ProcessLike } from './run.ts';
import { operatorSpelling } from './sources.ts';
import { quoted } from './web-address.ts';

/** Asks the gateway behind a socket; the failure is a sentence. */
export type AskAdmin = (
  socketPath: string,
  method: 'GET' | 'DELETE',
  path: string,
) => Promise<Result<unknown, string>>;

type Output = Pick<ProcessLike, 'argv' | 'env' | 'stdout' | 'stderr'>;

/** Whether a command line asks for it. */
export function asksForGrants(argv: readonly string[]): boolean {
  return argv[0] === 'grants';
}

/** Runs `grants list` or `grants revoke` against the gateway that runs: 0 where it did what it should, 1 where not. */
export async function runGrants(
  process: Output,
  ask: AskAdmin,
  readText: ReadText = readFromDisk,
): Promise<number> {
  const [action, ...rest] = process.argv.slice(3);
  const { selection, all, json, flags, faults } = selectionIn(rest);
  const given = await readSources(action === '--help' ? ['--help'] : flags, process.env, readText);
  if (given.flags.asksFor === 'help') {
    process.stdout.write(`${helpText(process.stdout.columns ?? 80)}\n`);
    return 0;
  }
  const wrong = [...faults, ...given.faults];
  if (wrong.length > 0) return refuse(process, wrong);
  const { adminSocket } = given.values;
  const fault = selectionFault(action, selection.size > 0, all);
  if (fault !== undefined) return refuse(process, [fault]);
  if (typeof adminSocket !== 'string') {
    return refuse(process, [
      `It is not known where to reach the gateway; start it with ${operatorSpelling(given.sources).example('adminSocket')}, and say the same here.`,
    ]);
  }
  const method = action === 'list' ? 'GET' : 'DELETE';
  const asked = await ask(adminSocket, method, `/grants?${selection}`);
  if (!asked.ok) return refuse(process, [asked.failure]);
  process.stdout.write(`${json ? JSON.stringify(asked.value, null, 2) : inWords(asked.value)}\n`);
  return 0;
}

function selectionFault(
  action: string | undefined,
  isSelected: boolean,
  all: boolean,
): string | undefined {
  if (action === undefined || !['list', 'revoke'].includes(action)) {
    return `${action === undefined ? 'What to do with grants is not said' : `${quoted(action)} is nothing to do with grants`}; write grants list or grants revoke.`;
  }
  return action === 'revoke' && isSelected === all
    ? 'Which grants to revoke is not said; give --user=NAME, --client=ID or --grant=ID, or else --all.'
    : undefined;
}

function refuse({ stderr }: Output, sentences: readonly string[]): number {
  stderr.write(`${refusal(sentences).text}\n`);
  return 1;
}

const own = {
  user: { type: 'string' },
  client: { type: 'string' },
  grant: { type: 'string' },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const selectors = ['user', 'client', 'grant'] as const;

/** What of the command line selects grants; the rest are settings. */
function selectionIn(argv: readonly string[]) {
  const parsed = parseArgs({ args: [...argv], options: own, strict: false, tokens: true });
  const { values } = parsed;
  const taken = parsed.tokens.flatMap((token) => {
    if (token.kind !== 'option' || !Object.hasOwn(own, token.name)) return [];
    return token.inlineValue === false ? [token.index, token.index + 1] : [token.index];
  });
  const given = selectors.filter((name) => values[name] !== undefined);
  const empty = given.filter((name) => !isName(values[name]));
  return {
    selection: new URLSearchParams(
      Object.fromEntries(given.map((name) => [name, String(values[name])])),
    ),
    all: values.all === true,
    json: values.json === true,
    flags: argv.filter((_, place) => !taken.includes(place)),
    faults: empty.map(
      (name) => `--${name} names nobody; write --${name}=${name === 'user' ? 'NAME' : 'ID'}.`,
    ),
  };
}

/** Where the value was left out, the next flag stands in its place. */
function isName(value: string | boolean | undefined): boolean {
  return typeof value === 'string' && value !== '' && !value.startsWith('--');
}

const answer = z.union([
  z.object({ revoked: z.number() }),
  z.object({
    grants: z.array(
      z.object({
        grant: z.string(),
        user: z.string(),
        client: z.string(),
        clientName: z.string().optional(),
        issuedAt: z.number(),
      }),
    ),
  }),
]);

function inWords(value: unknown): string {
  const read = answer.parse(value);
  if ('revoked' in read) return `${counted(read.revoked)} revoked.`;
  const lines = read.grants.map(({ grant, user, client, clientName, issuedAt }) => {
    const since = new Date(issuedAt * 1000).toISOString();
    return `${grant}  user ${quoted(user)}  client ${quoted(clientName ?? '')} ${client}  since ${since}`;
  });
  return [...lines, `${counted(read.grants.length)} in force.`].join('\n');
}

function counted(count: number): string {
  return count === 1 ? '1 grant' : `${count} grants`;
}
