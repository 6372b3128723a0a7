/** Turns a line of JSON, as pino writes it, into one for the eye: time, level, words, then `name=value`. */
export function textLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const members = Object.entries(fields)
    .filter(([name]) => name !== 'stream')
    .map(([name, value]) => `${name}=${spelled(value)}`);
  return `${[time, String(level).padEnd(5), msg, ...members].join(' ')}\n`;
}

const plain = /^[\w.:/@+-]+$/;

/** Foreign text is quoted, so that it can forge neither a field nor a line. */
function spelled(value: unknown): string {
  const text = String(value);
  return plain.test(text)
    ? text
    : JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
