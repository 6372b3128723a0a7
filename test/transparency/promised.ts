/** A promise, and the function that keeps it. */
export interface Promised<Value> {
  readonly promise: Promise<Value>;
  readonly keep: (value: Value) => void;
}

/** Makes a promise that somebody else keeps. */
export function promised<Value = void>(): Promised<Value> {
  let keep = (_: Value): void => {};
  const promise = new Promise<Value>((resolve) => {
    keep = resolve;
  });
  return { promise, keep };
}
