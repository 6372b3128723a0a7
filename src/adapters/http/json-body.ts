/** Levels; a key in a set of keys is at the fourth. */
const deepest = 16;

/** Parses a stranger's JSON; `undefined` where it is none, or nested deeper than anything that belongs here. */
export function shallowJson(text: string): unknown {
  try {
    return isDeep(text) ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seen before it is parsed: whoever walks through it later may do so by recursion. */
function isDeep(json: string): boolean {
  let depth = 0;
  // A string that never ends is read on to the end: it never has to start over, so that no text takes long.
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.?)*"?|[[{\]}]/gs)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > deepest) return true;
  }
  return false;
}
