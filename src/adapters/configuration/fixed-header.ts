/** Headers that make a request what it is (RFC 9110 §7.6.1, RFC 9112 §6): nobody sets them from outside. */
const framing = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Reads `Name: value`; `undefined` where it is no header, or none that may be set. A line break at the end, as files have it, does not count. */
export function fixedHeader(text: string): readonly [string, string] | undefined {
  const [, name = '', value = ''] =
    /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)\s*$/.exec(text) ??
    [];
  return name === '' || framing.has(name.toLowerCase()) ? undefined : [name, value];
}
