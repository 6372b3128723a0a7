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

function spelled(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return plain.test(cut) ? cut : JSON.stringify(cut);
}
