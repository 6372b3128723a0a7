import type { Readable } from 'node:stream';
import { failure, type Result, success } from '../../domain/result.ts';

/** What of `process.stdin` is needed: a stream, and on a terminal the switch that turns off its echo. */
export type PasswordInput = Readable & {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
};

/** Asks for a password; the failure is a sentence. */
export type ReadPassword = (
  input: PasswordInput,
  prompt: { write(text: string): unknown },
) => Promise<Result<string, string>>;

/** Twice on a terminal, without echo; else the first line of what comes in, so that it never stands on a command line. */
export const readPassword: ReadPassword = async (input, prompt) => {
  if (!input.isTTY) {
    let text = '';
    input.setEncoding('utf8');
    for await (const chunk of input) text += chunk;
    return judged(text.split(/\r?\n/, 1)[0] ?? '');
  }
  prompt.write('Password: ');
  const first = await typed(input, prompt);
  if (first === undefined) return failure('Nothing was hashed.');
  prompt.write('Again: ');
  const second = await typed(input, prompt);
  return first === second
    ? judged(first)
    : failure('The two are not the same; nothing was hashed.');
};

function judged(password: string): Result<string, string> {
  return password === ''
    ? failure('There is no password: type one, or send one line to standard input.')
    : success(password);
}

/** One line from a terminal that does not show it; `undefined` where it was broken off. */
async function typed(
  input: PasswordInput,
  prompt: { write(text: string): unknown },
): Promise<string | undefined> {
  input.setRawMode?.(true);
  input.setEncoding('utf8');
  let line: Line = { text: '', end: undefined };
  try {
    for await (const chunk of input.iterator({ destroyOnReturn: false })) {
      line = [...String(chunk)].reduce(withKey, line);
      if (line.end !== undefined) break;
    }
    return line.end === 'broken_off' ? undefined : line.text;
  } finally {
    input.setRawMode?.(false);
    prompt.write('\n');
  }
}

interface Line {
  readonly text: string;
  readonly end: 'entered' | 'broken_off' | undefined;
}

/** The line after one more key; control characters as terminals send them. */
function withKey(line: Line, key: string): Line {
  if (line.end !== undefined) return line;
  if (key === '\r' || key === '\n') return { ...line, end: 'entered' };
  if (key === '\u0003' || key === '\u0004') return { ...line, end: 'broken_off' };
  const isErase = key === '\u007f' || key === '\b';
  return { ...line, text: isErase ? line.text.slice(0, -1) : line.text + key };
}
