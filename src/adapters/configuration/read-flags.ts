// Not by way of yargs: its helpers load what lays out the help, which a start does not need.
import Parser from 'yargs-parser';
import { nearestName, suggestion } from './nearest-name.ts';
import { type ReadText, readSecretFile } from './read-setting-file.ts';
import {
  environmentName,
  fileFlagName,
  flagName,
  type Setting,
  type SettingKey,
  secretRows,
  settingRows,
  settings,
} from './settings.ts';
import type { Source, SourceReading } from './sources.ts';
import { quoted } from './web-address.ts';

/** The settings found on the command line. */
export interface FlagSettings extends SourceReading {
  readonly asksFor: 'help' | 'version' | undefined;
  /** Only to check the configuration, and not to start. */
  readonly check: boolean;
  /** The configuration file. */
  readonly config: string | undefined;
}

/** Reads `--flag=value` and `--flag value`. */
export function readFlags(argv: readonly string[], readText: ReadText): FlagSettings {
  const { _: positional, ...flags } = Parser([...argv], { configuration, boolean: switches });
  const given = new Map<string, unknown>(Object.entries(flags));
  const asksFor = (['help', 'version'] as const).find((name) => given.has(name));
  const { check = false, config } = flags as {
    readonly check?: unknown;
    readonly config?: unknown;
  };
  const readings = [...given]
    .filter(([name]) => !switches.includes(name))
    .flatMap(([name, value]) => readFlag(name, value, given, readText));
  const good = readings.flatMap((reading) => (reading.type === 'value' ? [reading] : []));
  const bad = readings.flatMap((reading) => (reading.type === 'fault' ? [reading] : []));
  // A secret that begins with a dash or holds a space falls apart into arguments of its own.
  const mayShow = !secretRows.some(({ key }) => given.has(flagName(key)));
  return {
    asksFor,
    check: check !== false,
    config: typeof config === 'string' && config !== '' ? config : undefined,
    values: Object.fromEntries(good.map(({ key, value }) => [key, value])),
    sources: new Map(good.map(({ key, source }): [SettingKey, Source] => [key, source])),
    faults: [
      ...new Set([
        ...bad.map(({ shown, hidden }) => (mayShow ? shown : hidden)),
        ...positional.map((argument) =>
          mayShow ? strayArgument(String(argument)) : hiddenArgument,
        ),
      ]),
    ],
    misspelt: bad.flatMap(({ key }) => (key === undefined ? [] : [key])),
  };
}

/** What stands alone, without a value. */
const switches: string[] = ['help', 'version', 'check'];

/** Flags are taken as written: no numbers, no negation, no short groups, no nested keys. */
const configuration = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': true,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'short-option-groups': false,
};

type Reading =
  | {
      readonly type: 'value';
      readonly key: SettingKey;
      readonly value: string;
      readonly source: Source;
    }
  | {
      readonly type: 'fault';
      readonly key: SettingKey | undefined;
      readonly shown: string;
      readonly hidden: string;
    };

const withFlag: readonly Setting[] = settingRows.filter((row) => row.environmentOnly !== true);

function readFlag(
  name: string,
  value: unknown,
  given: ReadonlyMap<string, unknown>,
  readText: ReadText,
): Reading[] {
  const key = withFlag.find((row) => flagName(row.key) === name)?.key;
  const secret = secretRows.find((row) => fileFlagName(row.key) === name)?.key;
  const owner = key ?? secret;
  if (owner === undefined && name !== 'config') return [unknownFlag(name)];
  const text = textOf(key, value);
  if (text === undefined) {
    const fault = Array.isArray(value)
      ? 'is given more than once; keep the one that is meant.'
      : `has no value; write --${name}=VALUE.`;
    return [certainFault(owner, `Flag --${name} ${fault}`)];
  }
  if (owner === undefined) return [];
  if (key !== undefined) {
    return [{ type: 'value', key, value: text, source: { type: 'flag', name: `--${name}` } }];
  }
  if (given.has(flagName(owner))) {
    const sentence = `Flag --${name}: It and --${flagName(owner)} are too much; take one out.`;
    return [certainFault(owner, sentence)];
  }
  const read = readSecretFile(text, readText);
  if ('fault' in read) return [certainFault(owner, `Flag --${name}: ${read.fault}`)];
  const source = { type: 'flag', name: `--${name}`, named: true } as const;
  return [{ type: 'value', key: owner, value: read.value, source }];
}

/** The value of a flag, several of one where that is possible; `undefined` where there is none to use. */
function textOf(key: SettingKey | undefined, value: unknown): string | undefined {
  const row = key && settings[key];
  // A switch that is only named is meant to be on.
  if (row?.kind === 'switch' && value === true) return 'on';
  const all = Array.isArray(value) && row && 'repeatable' in row ? value : [value];
  const texts = all.filter((each) => typeof each === 'string' && each !== '');
  return texts.length === all.length ? texts.join(row?.kind === 'names' ? ',' : '&') : undefined;
}

/** A fault that can be shown whatever else stands on the line. */
function certainFault(key: SettingKey | undefined, sentence: string): Reading {
  return { type: 'fault', key, shown: sentence, hidden: sentence };
}

function unknownFlag(name: string): Reading {
  const variable = settingRows.find((row) => row.environmentOnly && flagName(row.key) === name);
  if (variable !== undefined) {
    const sentence = `Flag --${name} does not exist, because other users can see command lines; set ${environmentName(variable.key)} in the environment.`;
    return certainFault(variable.key, sentence);
  }
  const known = [
    ...withFlag.map((row) => flagName(row.key)),
    ...secretRows.map((row) => fileFlagName(row.key)),
    ...switches,
    'config',
  ];
  const near = nearestName(name, known);
  const flag = name.length === 1 ? `-${name}` : `--${name}`;
  return {
    type: 'fault',
    key: withFlag.find((row) => flagName(row.key) === near)?.key,
    shown: `Flag ${flag} is not known${suggestion(near && `--${near}`, '; take it out.')}`,
    hidden: hiddenArgument,
  };
}

function strayArgument(argument: string): string {
  return `Argument ${quoted(argument)} belongs to no flag; take it out, or write it as --flag=value.`;
}

const hiddenArgument =
  "An argument is not understood; check the spelling of the flags, and write a secret with = and in quotes: --flag='value'.";
