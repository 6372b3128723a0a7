import { pino, stdTimeFunctions } from 'pino';
import type { Events } from '../../application/events.ts';
import { type Level, levelOf, lineOf } from './event-sentences.ts';
import { textLine } from './text-lines.ts';

/** The log of a gateway. */
export interface Log extends Events {
  /** Writes a line that no event stands for. */
  say(level: Level, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Writes out what waits to be written; the process ends next. */
  flush(): void;
}

/** How lines are written. */
export interface LogOptions {
  readonly format: 'text' | 'json';
  /** The least that is worth a line. */
  readonly level: Level | 'silent';
  /** Where lines go to; left out: standard output, without ever waiting for it. */
  readonly write?: (line: string) => void;
}

/** Opens a log. */
export function openLog({ format, level, write }: LogOptions): Log {
  const output = write ? undefined : pino.destination({ dest: 1, sync: false });
  // Whoever reads the log may go away; the gateway serves on.
  output?.on('error', () => {});
  const put = write ?? ((line: string) => output?.write(line));
  const destination = {
    write: (line: string) => put(format === 'text' ? textLine(line) : line),
  };
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const say: Log['say'] = (each, message, fields = {}) => logger[each](fields, message);
  return {
    say,
    emit: (event) => {
      // Most events are requests, and a line that nobody wants is not worth its making.
      if (!logger.isLevelEnabled(levelOf(event))) return;
      const { level: each, message, fields } = lineOf(event);
      say(each, message, fields);
    },
    flush: () => output?.flushSync(),
  };
}
