import type { Events } from '../../application/events.ts';

/** Writes one line per event, `key=value`, foreign text quoted, so that it cannot forge a line of its own. */
export function eventLines(write: (line: string) => void): Events {
  return {
    emit({ type, ...rest }) {
      const members = Object.entries(rest)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${spelled(String(value))}`);
      write([new Date().toISOString(), type, ...members].join(' '));
    },
  };
}

const plain = /^[\w.:/@-]+$/;
const longest = 300;
/** What a terminal would obey or a reader would not see: control, format and separator characters. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

function spelled(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return plain.test(cut) ? cut : JSON.stringify(cut).replaceAll(invisible, escaped);
}
