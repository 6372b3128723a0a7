import { nearestName, suggestion } from './nearest-name.ts';
import { environmentName, environmentPrefix, type SettingKey, settingRows } from './settings.ts';
import type { Source, Sources } from './sources.ts';

/** The settings found in the environment. */
export interface EnvironmentSettings {
  readonly values: Readonly<Record<string, string>>;
  readonly sources: Sources;
  /** A sentence per variable of ours that means nothing: another version's, or a slip. */
  readonly warnings: readonly string[];
}

/** Reads the `MCP_GATEWAY_*` variables; an empty one counts as not set. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): EnvironmentSettings {
  const values: Record<string, string> = {};
  const sources = new Map<SettingKey, Source>();
  for (const { key } of settingRows) {
    const name = environmentName(key);
    const value = env[name];
    if (value === undefined || value === '') continue;
    values[key] = value;
    sources.set(key, { type: 'environment', name });
  }
  return { values, sources, warnings: unknownVariables(env) };
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = settingRows.map(({ key }) => environmentName(key));
  return Object.keys(env)
    .filter((name) => name.startsWith(environmentPrefix) && !known.includes(name) && env[name])
    .map((name) => {
      // The common prefix would make every name look near to every other.
      const near = nearestName(withoutPrefix(name), known.map(withoutPrefix));
      const nearName = near === undefined ? undefined : environmentPrefix + near;
      return `Environment ${name}: There is no such setting, so it is ignored${suggestion(nearName, '.')}`;
    });
}

function withoutPrefix(name: string): string {
  return name.slice(environmentPrefix.length);
}
