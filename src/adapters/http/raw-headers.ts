/** Headers as they came, names and values alternating: what needs only a few of them does without an object of them all. */
export type RawHeaders = readonly string[];

/** Whether a name is this one. The length first: it tells most names apart without a look at them. */
export function isNamed(name: string | undefined, lowerCase: string): boolean {
  return name?.length === lowerCase.length && name.toLowerCase() === lowerCase;
}

/** The first value under a name. */
export function rawValue(raw: RawHeaders, lowerCase: string): string | undefined {
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (isNamed(raw[index], lowerCase)) return raw[index + 1];
  }
  return undefined;
}

/** All headers but those of one name. */
export function withoutHeader(raw: RawHeaders, lowerCase: string): RawHeaders {
  return raw.filter((_, index) => !isNamed(raw[index - (index % 2)], lowerCase));
}

/** Name by name, as Node's own functions take them. */
export function headerPairs(raw: RawHeaders): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    pairs.push([raw[index] ?? '', raw[index + 1] ?? '']);
  }
  return pairs;
}
