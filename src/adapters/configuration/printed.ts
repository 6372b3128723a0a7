import type { CommandLine } from './command-line.ts';

/**
 * The text that a command line asks for, which is then all that it asks for. What lays out the help is only loaded here: a start would be
 * slower for it, and bigger.
 */
export async function printed(
  asked: Extract<CommandLine, { readonly type: 'help' | 'version' }>,
  version: string,
  columns = 80,
): Promise<string> {
  if (asked.type === 'version') return `mcp-oauth-gateway ${version}`;
  const { helpText } = await import('./help.ts');
  return helpText(columns);
}
