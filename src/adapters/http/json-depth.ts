/** A string, whether it ends or not, since a search that began again at each of its quotes would take its length squared; or a bracket. */
const token = /"(?:[^"\\]|\\[\s\S]?)*"?|[[{\]}]/g;

/** Whether JSON is nested deeper than so many levels: whoever walks through it later may do so by recursion. */
export function isDeeperThan(levels: number, json: string): boolean {
  let depth = 0;
  for (const [found] of json.matchAll(token)) {
    if (found === '[' || found === '{') depth += 1;
    else if (found === ']' || found === '}') depth -= 1;
    if (depth > levels) return true;
  }
  return false;
}
