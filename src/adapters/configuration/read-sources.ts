import { readConfigurationFile } from './read-configuration-file.ts';
import { readEnvironment } from './read-environment.ts';
import { type FlagSettings, readFlags } from './read-flags.ts';
import type { ReadText } from './read-setting-file.ts';
import type { SourceReading } from './sources.ts';

/** Everything that was given, put together: a flag beats the environment, and that the configuration file. */
export interface GivenSettings extends SourceReading {
  readonly flags: FlagSettings;
  /** Sentences about what is ignored. */
  readonly warnings: readonly string[];
}

/** Reads every source there is. */
export async function readSources(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readText: ReadText,
): Promise<GivenSettings> {
  const flags = readFlags(argv, readText);
  const environment = readEnvironment(env, readText);
  const path = flags.config ?? environment.config;
  const file = path === undefined ? nothing : await readConfigurationFile(path, readText);
  const layers = [file, environment, flags];
  const values: Record<string, unknown> = Object.assign({}, ...layers.map((each) => each.values));
  // A setting that was meant but misspelt is unsound, not absent: null keeps rules from guessing.
  for (const key of layers.flatMap(({ misspelt }) => misspelt)) values[key] ??= null;
  return {
    flags,
    values,
    sources: new Map(layers.flatMap(({ sources }) => [...sources])),
    faults: layers.toReversed().flatMap(({ faults }) => faults),
    misspelt: layers.flatMap(({ misspelt }) => misspelt),
    warnings: environment.warnings,
  };
}

const nothing: SourceReading = { values: {}, sources: new Map(), faults: [], misspelt: [] };
