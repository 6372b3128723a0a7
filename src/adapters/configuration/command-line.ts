import { configurationWarnings } from './configuration-rules.ts';
import { effectiveConfiguration } from './effective-configuration.ts';
import { checkConfiguration, type GatewayConfig } from './gateway-configuration.ts';
import { nearestName, suggestion } from './nearest-name.ts';
import { type ReadText, readFromDisk } from './read-setting-file.ts';
import { type GivenSettings, readSources } from './read-sources.ts';
import { type SettingKey, settingRows } from './settings.ts';
import { operatorSpelling, type Sources, sentenceStart } from './sources.ts';
import { quoted } from './web-address.ts';

/** What a command line asks for: to start, to do one thing and stop, or nothing that makes sense. */
export type CommandLine =
  | {
      readonly type: 'start';
      readonly config: GatewayConfig;
      readonly sources: Sources;
      readonly warnings: readonly string[];
      /** Only to say whether it could start. */
      readonly check: boolean;
    }
  | { readonly type: 'help' }
  | { readonly type: 'version' }
  | { readonly type: 'hash_password' }
  | { readonly type: 'print'; readonly text: string }
  | { readonly type: 'refuse'; readonly text: string };

/** `doctor`, `grants` and `healthcheck` are commands of their own making. */
const commands = ['config', 'hash-password'] as const;
type Command = (typeof commands)[number];

/** Reads command, flags (without node and script), environment and configuration file. */
export async function readCommandLine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readText: ReadText = readFromDisk,
): Promise<CommandLine> {
  const [first = '', ...rest] = argv;
  const command = commands.find((each) => each === first);
  const given = await readSources(command ? rest : argv, env, readText);
  if (given.flags.asksFor !== undefined) return { type: given.flags.asksFor };
  if (command === undefined && /^[a-z]/.test(first)) return unknownCommand(first);
  return command === 'hash-password' ? { type: 'hash_password' } : judged(given, command);
}

function judged(given: GivenSettings, command: Command | undefined): CommandLine {
  const { values, sources, flags } = given;
  const spelling = operatorSpelling(sources);
  const checked = checkConfiguration(values, spelling);
  if (checked.ok && given.faults.length === 0) {
    const config = checked.value;
    if (command === 'config')
      return { type: 'print', text: effectiveConfiguration(config, sources) };
    const warnings = [...configurationWarnings(config, spelling), ...given.warnings];
    return { type: 'start', config, sources, warnings, check: flags.check };
  }
  const faults = checked.ok ? [] : checked.failure;
  const sentences = settingRows.flatMap(({ key }) =>
    faults
      .filter(({ setting }) => setting === key && values[key] !== null)
      .map(({ message }) => `${origin(key, sources)}: ${message}`),
  );
  // A warning about a misspelt variable often explains why a setting is missing.
  return refusal([...given.faults, ...sentences, ...given.warnings]);
}

/** Sentences for stderr, with the pointer to `--help` that ends each of them. */
export function refusal(sentences: readonly string[]): {
  readonly type: 'refuse';
  readonly text: string;
} {
  return { type: 'refuse', text: [...sentences, 'See mcp-oauth-gateway --help.'].join('\n') };
}

function unknownCommand(word: string): CommandLine {
  const near = nearestName(word, [...commands, 'doctor', 'grants', 'healthcheck']);
  return refusal([
    `There is no command ${quoted(word)}${suggestion(near, `; the commands are ${commands.join(', ')}, doctor, grants, healthcheck, and none at all starts the gateway.`)}`,
  ]);
}

function origin(key: SettingKey, sources: Sources): string {
  const source = sources.get(key);
  return source ? sentenceStart(source) : operatorSpelling(sources).name(key);
}
