import { framingHeaders } from './header-names.ts';

/** Reads `Name: value`; `undefined` where it is no header, or none that may be set. A line break at the end, as files have it, does not count. */
export function fixedHeader(text: string): readonly [string, string] | undefined {
  const [, name = '', value = ''] =
    /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)\s*$/.exec(text) ??
    [];
  return name === '' || framingHeaders.has(name.toLowerCase()) ? undefined : [name, value];
}
