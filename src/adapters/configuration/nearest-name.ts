/**
 * The known name a mistyped one most likely stands for, or `undefined` when none is close: a few
 * letters off (`--prot`), or a part of it (`--client-id` for `--upstream-client-id`).
 */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const wanted = wordsOf(given);
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    const words = wordsOf(name);
    const distance = editDistance(wanted.join(' '), words.join(' '));
    const isPart = wanted.length > 0 && wanted.every((word) => words.includes(word));
    const isClose = distance <= Math.max(1, Math.floor(name.length / 4));
    if ((isPart || isClose) && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) {
      best = { name, distance };
    }
  }
  return best?.name;
}

/** `, did you mean NAME?` where there is such a name, otherwise the given ending. */
export function suggestion(name: string | undefined, otherwise: string): string {
  return name === undefined ? otherwise : `; did you mean ${name}?`;
}

/** Names are compared by their words, whatever the spelling: clientId, client-id, CLIENT_ID. */
function wordsOf(name: string): string[] {
  // Nobody types a longer name by mistake, and the distance costs the product of both lengths.
  const spaced = name.slice(0, 80).replace(/([a-z])(?=[A-Z])/g, '$1-');
  return spaced
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

/** Levenshtein's distance, in which two neighbours that changed places count as one edit. */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current[column] = Math.min(
        at(above, column) + 1,
        at(current, column - 1) + 1,
        at(above, column - 1) + (same ? 0 : 1),
        swapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = above;
    above = current;
  }
  return at(above, right.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
