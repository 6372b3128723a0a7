import { environmentName, flagName, type SettingKey, type Spelling, settings } from './settings.ts';

/** Where a value came from. */
export interface Source {
  readonly type: 'flag' | 'environment' | 'file';
  /** As the operator wrote it: `--port`, `MCP_GATEWAY_PORT`, or the key in the file. */
  readonly name: string;
  /** The configuration file; only there. */
  readonly file?: string;
  /** The operator named a file that holds the value, not the value. */
  readonly named?: true;
}

/** The source of each setting that was given; one without a source has its default. */
export type Sources = ReadonlyMap<SettingKey, Source>;

/** What one source says: values, where each stands, and what in it cannot be used. */
export interface SourceReading {
  readonly values: Readonly<Record<string, unknown>>;
  readonly sources: Sources;
  /** A sentence per thing that cannot be used. */
  readonly faults: readonly string[];
  /** The settings that those most likely meant. */
  readonly misspelt: readonly SettingKey[];
}

/** The source of a setting in words, for the banner and for sentences. */
export function describeSource(key: SettingKey, sources: Sources): string {
  const source = sources.get(key);
  if (source === undefined) return 'default';
  return source.type === 'file'
    ? `${source.name} in ${source.file}`
    : `${source.type} ${source.name}`;
}

/** Begins a sentence about a setting: `Flag --port`, `Environment MCP_GATEWAY_PORT`, `File gateway.yaml, port`. */
export function sentenceStart(source: Source): string {
  if (source.type === 'file') return `File ${source.file}, ${source.name}`;
  return `${source.type === 'flag' ? 'Flag' : 'Environment'} ${source.name}`;
}

/** Spells each setting as the operator gave it, otherwise as a flag where it has one. */
export function operatorSpelling(sources: Sources): Spelling {
  const name = (key: SettingKey) => sources.get(key)?.name ?? usualName(key);
  const example = (key: SettingKey, value = settings[key].example) => {
    const source = sources.get(key);
    const shown = source?.named ? 'PATH' : value;
    return source?.type === 'file' ? `${source.name}: ${shown}` : `${name(key)}=${shown}`;
  };
  return { name, example };
}

function usualName(key: SettingKey): string {
  return settings[key].environmentOnly ? environmentName(key) : `--${flagName(key)}`;
}
