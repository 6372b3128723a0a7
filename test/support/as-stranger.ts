/** Runs something, without a wait in it, as a user that may read only what everybody may; root could read everything. */
export function asStranger(run: () => void): void {
  const user = process.geteuid?.();
  if (user === 0) process.seteuid?.(65_534);
  try {
    run();
  } finally {
    if (user === 0) process.seteuid?.(user);
  }
}
