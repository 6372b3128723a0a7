import { configurationWarnings } from './configuration-rules.ts';
import { checkConfiguration, type GatewayConfig } from './gateway-configuration.ts';
import { readEnvironment } from './read-environment.ts';
import { readFlags } from './read-flags.ts';
import { type SettingKey, settingRows } from './settings.ts';
import { operatorSpelling, type Sources } from './sources.ts';

/** What a command line asks for: to start, to print something and stop, or nothing that makes sense. */
export type CommandLine =
  | {
      readonly type: 'start';
      readonly config: GatewayConfig;
      readonly sources: Sources;
      readonly warnings: readonly string[];
    }
  | { readonly type: 'help' }
  | { readonly type: 'version' }
  | { readonly type: 'refuse'; readonly text: string };

/** Reads flags (without node and script) and environment; a flag beats the environment. */
export function readCommandLine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): CommandLine {
  const flags = readFlags(argv);
  if (flags.asksFor !== undefined) return { type: flags.asksFor };

  const environment = readEnvironment(env);
  const sources = new Map([...environment.sources, ...flags.sources]);
  const spelling = operatorSpelling(sources);
  const values: Record<string, unknown> = { ...environment.values, ...flags.values };
  // A setting that was meant but misspelt is unsound, not absent: null keeps rules from guessing.
  for (const key of flags.misspelt) values[key] ??= null;

  const checked = checkConfiguration(values, spelling);
  if (checked.ok && flags.faults.length === 0) {
    const warnings = configurationWarnings(checked.value, spelling);
    return {
      type: 'start',
      config: checked.value,
      sources,
      warnings: [...warnings, ...environment.warnings],
    };
  }
  const faults = checked.ok ? [] : checked.failure;
  const sentences = settingRows.flatMap(({ key }) =>
    faults
      .filter(({ setting }) => setting === key && values[key] !== null)
      .map(({ message }) => `${origin(key, sources)}: ${message}`),
  );
  // A warning about a misspelt variable often explains why a setting is missing.
  return refusal([...flags.faults, ...sentences, ...environment.warnings]);
}

/** Sentences for stderr, with the pointer to `--help` that ends each of them. */
export function refusal(sentences: readonly string[]): {
  readonly type: 'refuse';
  readonly text: string;
} {
  return { type: 'refuse', text: [...sentences, 'See mcp-oauth-gateway --help.'].join('\n') };
}

function origin(key: SettingKey, sources: Sources): string {
  const name = operatorSpelling(sources).name(key);
  const type = sources.get(key)?.type;
  return type === undefined ? name : `${type === 'flag' ? 'Flag' : 'Environment'} ${name}`;
}
