import { nearestName, suggestion } from './nearest-name.ts';
import { type ReadText, readSecretFile } from './read-setting-file.ts';
import {
  environmentName,
  environmentPrefix,
  fileEnvironmentName,
  type Setting,
  type SettingKey,
  secretRows,
  settingRows,
} from './settings.ts';
import { type Source, type SourceReading, sentenceStart } from './sources.ts';

/** The settings found in the environment. */
export interface EnvironmentSettings extends SourceReading {
  /** The configuration file. */
  readonly config: string | undefined;
  /** A sentence per variable of ours that means nothing: another version's, or a slip. */
  readonly warnings: readonly string[];
}

/** The variable that names the configuration file. */
export const configVariable: string = `${environmentPrefix}CONFIG`;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the `MCP_GATEWAY_*` variables; an empty one counts as not set. */
export function readEnvironment(env: Environment, readText: ReadText): EnvironmentSettings {
  const plain = readings(settingRows, env, environmentName, (row, name, value) => ({
    key: row.key,
    source: { type: 'environment', name },
    value,
  }));
  const files = readings(secretRows, env, fileEnvironmentName, (row, name, path) => ({
    key: row.key,
    source: { type: 'environment', name, named: true },
    ...(env[environmentName(row.key)]
      ? { fault: `It and ${environmentName(row.key)} are too much; take one out.` }
      : readSecretFile(path, readText)),
  }));
  const all = [...plain, ...files];
  const bad = all.flatMap((reading) => ('fault' in reading ? [reading] : []));
  return {
    values: Object.fromEntries(
      all.flatMap((each) => ('value' in each ? [[each.key, each.value]] : [])),
    ),
    sources: new Map(all.map(({ key, source }) => [key, source])),
    faults: bad.map(({ source, fault }) => `${sentenceStart(source)}: ${fault}`),
    misspelt: bad.map(({ key }) => key),
    config: env[configVariable] || undefined,
    warnings: unknownVariables(env),
  };
}

type Reading = { readonly key: SettingKey; readonly source: Source } & (
  | { readonly value: string }
  | { readonly fault: string }
);

/** Reads the variable of each row that has one; an empty one counts as not set. */
function readings(
  rows: readonly Setting[],
  env: Environment,
  nameOf: (key: SettingKey) => string,
  read: (row: Setting, name: string, value: string) => Reading,
): Reading[] {
  return rows.flatMap((row) => {
    const name = nameOf(row.key);
    const value = env[name];
    return value === undefined || value === '' ? [] : [read(row, name, value)];
  });
}

const known: readonly string[] = [
  ...settingRows.map(({ key }) => environmentName(key)),
  ...secretRows.map(({ key }) => fileEnvironmentName(key)),
  configVariable,
];

function unknownVariables(env: Environment): string[] {
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
