// oidc-provider greets everyone on the console (a newer Node is preferred, development pages are on). All of it is
// true and none of it is news in a test; other lines pass. Import this file before `oidc-provider`: it speaks on load.
const { console: terminal } = globalThis;
for (const level of ['info', 'warn'] as const) {
  const write = terminal[level];
  terminal[level] = (...line: unknown[]) => {
    if (!String(line[0]).startsWith('oidc-provider ')) write(...line);
  };
}
