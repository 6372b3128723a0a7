import { Parser } from 'yargs/helpers';
import { nearestName, suggestion } from './nearest-name.ts';
import {
  environmentName,
  flagName,
  type Setting,
  type SettingKey,
  settingRows,
} from './settings.ts';
import type { Source, Sources } from './sources.ts';
import { quoted } from './web-address.ts';

/** The settings found on the command line. */
export interface FlagSettings {
  readonly asksFor: 'help' | 'version' | undefined;
  readonly values: Readonly<Record<string, string>>;
  readonly sources: Sources;
  /** A sentence per argument that cannot be used. */
  readonly faults: readonly string[];
  /** The settings that those arguments most likely meant. */
  readonly misspelt: readonly SettingKey[];
}

/** Reads `--flag=value` and `--flag value`. */
export function readFlags(argv: readonly string[]): FlagSettings {
  const { _: positional, ...flags } = Parser([...argv], { configuration });
  const given = new Map<string, unknown>(Object.entries(flags));
  const asksFor = (['help', 'version'] as const).find((name) => given.has(name));
  const readings = [...given].map(([name, value]) => readFlag(name, value));
  const good = readings.flatMap((reading) => (reading.type === 'value' ? [reading] : []));
  const bad = readings.flatMap((reading) => (reading.type === 'fault' ? [reading] : []));
  // A secret that begins with a dash or holds a space falls apart into arguments of its own.
  const mayShow = !settingRows.some(
    ({ key, kind }) => kind === 'secret' && given.has(flagName(key)),
  );
  return {
    asksFor,
    values: Object.fromEntries(good.map(({ key, value }) => [key, value])),
    sources: new Map(
      good.map(({ key }): [SettingKey, Source] => [
        key,
        { type: 'flag', name: `--${flagName(key)}` },
      ]),
    ),
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
  | { readonly type: 'value'; readonly key: SettingKey; readonly value: string }
  | {
      readonly type: 'fault';
      readonly key: SettingKey | undefined;
      readonly shown: string;
      readonly hidden: string;
    };

const withFlag: readonly Setting[] = settingRows.filter((row) => row.environmentOnly !== true);

function readFlag(name: string, value: unknown): Reading {
  const row = withFlag.find((each) => flagName(each.key) === name);
  if (row === undefined) return unknownFlag(name);
  const { key } = row;
  if (typeof value === 'string' && value !== '') return { type: 'value', key, value };
  // A switch that is only named is meant to be on.
  if (row.kind === 'switch' && value === true) return { type: 'value', key, value: 'on' };
  const all = 'repeatable' in row && Array.isArray(value) ? value : [];
  if (all.length > 0 && all.every((each) => typeof each === 'string' && each !== '')) {
    return { type: 'value', key, value: all.join(row.kind === 'names' ? ',' : '&') };
  }
  const fault = Array.isArray(value)
    ? 'is given more than once; keep the one that is meant.'
    : `has no value; write --${name}=VALUE.`;
  const sentence = `Flag --${name} ${fault}`;
  return { type: 'fault', key, shown: sentence, hidden: sentence };
}

function unknownFlag(name: string): Reading {
  const variable = settingRows.find((row) => row.environmentOnly && flagName(row.key) === name);
  if (variable !== undefined) {
    const sentence = `Flag --${name} does not exist, because other users can see command lines; set ${environmentName(variable.key)} in the environment.`;
    return { type: 'fault', key: variable.key, shown: sentence, hidden: sentence };
  }
  const known = [...withFlag.map((row) => flagName(row.key)), 'help', 'version'];
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
