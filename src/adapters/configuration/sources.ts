import { environmentName, flagName, type SettingKey, type Spelling, settings } from './settings.ts';

/** Where a value came from. */
export interface Source {
  readonly type: 'flag' | 'environment';
  /** As the operator wrote it: `--port` or `MCP_GATEWAY_PORT`. */
  readonly name: string;
}

/** The source of each setting that was given; one without a source has its default. */
export type Sources = ReadonlyMap<SettingKey, Source>;

/** The source of a setting in words, for the banner and for sentences. */
export function describeSource(key: SettingKey, sources: Sources): string {
  const source = sources.get(key);
  return source === undefined ? 'default' : `${source.type} ${source.name}`;
}

/** Spells each setting as the operator gave it, otherwise as a flag where it has one. */
export function operatorSpelling(sources: Sources): Spelling {
  const name = (key: SettingKey) => sources.get(key)?.name ?? usualName(key);
  return { name, example: (key, value = settings[key].example) => `${name(key)}=${value}` };
}

function usualName(key: SettingKey): string {
  return settings[key].environmentOnly ? environmentName(key) : `--${flagName(key)}`;
}
