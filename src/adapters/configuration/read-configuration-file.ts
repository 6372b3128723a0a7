import { nearestName, suggestion } from './nearest-name.ts';
import { type ReadText, readSecretFile, unreadable } from './read-setting-file.ts';
import {
  fileFlagName,
  flagName,
  type Setting,
  type SettingKey,
  secretRows,
  settingRows,
} from './settings.ts';
import { type Source, type SourceReading, sentenceStart } from './sources.ts';
import { quoted } from './web-address.ts';

/**
 * Reads a configuration file: flat keys, named as the flags are, in JSON (a name that ends in `.json`) or YAML. The parser of YAML is
 * loaded only for a file that needs it.
 */
export async function readConfigurationFile(
  path: string,
  readText: ReadText,
): Promise<SourceReading> {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    return unusable(unreadable(path, error));
  }
  const parsed = path.endsWith('.json') ? parseJson(text) : await parseYaml(text);
  if ('fault' in parsed)
    return unusable(`The file ${quoted(path)} cannot be used: ${parsed.fault}`);
  const { value } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return unusable(`The file ${quoted(path)} holds no settings; write a line each, KEY: VALUE.`);
  }
  return readSettings(path, new Map(Object.entries(value)), readText);
}

type Parsed = { readonly value: unknown } | { readonly fault: string };

function parseJson(text: string): Parsed {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // The parser's own sentence quotes what stands around the fault, and that may be a secret.
    return { fault: 'it is not JSON.' };
  }
}

async function parseYaml(text: string): Promise<Parsed> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    return { fault: `line ${line} is not YAML (${error.code}).` };
  }
  try {
    return { value: document.toJS({ maxAliasCount: 0 }) };
  } catch {
    return { fault: 'it has aliases (*NAME), which no setting needs.' };
  }
}

function unusable(fault: string): SourceReading {
  return { values: {}, sources: new Map(), faults: [fault], misspelt: [] };
}

type Entries = ReadonlyMap<string, unknown>;

function readSettings(file: string, given: Entries, readText: ReadText): SourceReading {
  const readings = [...given].map(([name, value]) => readEntry(file, name, value, given, readText));
  const good = readings.flatMap((reading) => ('value' in reading ? [reading] : []));
  const bad = readings.flatMap((reading) => ('fault' in reading ? [reading] : []));
  return {
    values: Object.fromEntries(good.map(({ key, value }) => [key, value])),
    sources: new Map(good.map(({ key, source }): [SettingKey, Source] => [key, source])),
    faults: bad.map(({ source, fault }) => `${sentenceStart(source)}: ${fault}`),
    misspelt: bad.flatMap(({ key }) => (key === undefined ? [] : [key])),
  };
}

type Reading =
  | { readonly key: SettingKey; readonly value: unknown; readonly source: Source }
  | { readonly key: SettingKey | undefined; readonly fault: string; readonly source: Source };

function readEntry(
  file: string,
  name: string,
  value: unknown,
  given: Entries,
  readText: ReadText,
): Reading {
  const source: Source = { type: 'file', name, file };
  const row = settingRows.find(({ key }) => flagName(key) === name);
  if (row !== undefined) return { key: row.key, value: spelled(row, value), source };
  const key = secretRows.find((each) => fileFlagName(each.key) === name)?.key;
  if (key === undefined) return { ...unknownKey(name), source };
  if (given.has(flagName(key))) {
    return { key, fault: `It and ${flagName(key)} are too much; take one out.`, source };
  }
  const secret =
    typeof value === 'string' && value !== ''
      ? readSecretFile(value, readText)
      : { fault: `The value is not the name of a file, for example ${name}: PATH.` };
  return { key, ...secret, source: { ...source, named: true } };
}

/** A list may be written as one. A value of nothing (`port:`) is no value, and said to be none. */
function spelled(row: Setting, value: unknown): unknown {
  const separator = { list: ' ', parameters: '&' }[String(row.kind)];
  const isList = separator !== undefined && Array.isArray(value);
  if (isList && value.every((each) => typeof each === 'string')) return value.join(separator);
  return value ?? '';
}

const known: readonly string[] = [
  ...settingRows.map(({ key }) => flagName(key)),
  ...secretRows.map(({ key }) => fileFlagName(key)),
];

function unknownKey(name: string): {
  readonly key: SettingKey | undefined;
  readonly fault: string;
} {
  const near = nearestName(name, known);
  return {
    key: settingRows.find(({ key }) => flagName(key) === near)?.key,
    fault: `There is no such setting${suggestion(near, '; take it out.')}`,
  };
}
