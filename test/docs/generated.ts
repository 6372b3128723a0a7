import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { configurationSchema } from '../../src/adapters/configuration/configuration-schema.ts';
import {
  environmentName,
  fileFlagName,
  flagName,
  optionSpelling,
  type Setting,
  secretRows,
  settingRows,
} from '../../src/adapters/configuration/settings.ts';

/** A file of which a part, or all, follows from the code. */
export interface Generated {
  readonly path: string;
  readonly actual: string;
  readonly expected: string;
}

/** Every generated file. Run as a script, this file writes them: `npm run generate`. */
export function generatedFiles(): readonly Generated[] {
  return [tableOfSettings(), schemaOfTheFile()];
}

function tableOfSettings(): Generated {
  const path = 'docs/configuration.md';
  const actual = readFileSync(path, 'utf8');
  const between = /(<!-- settings -->\n)[\s\S]*?(<!-- \/settings -->)/;
  return { path, actual, expected: actual.replace(between, (_, a, b) => a + settingsTable() + b) };
}

function settingsTable(): string {
  const groups = [...new Set(settingRows.map(({ group }) => group))];
  return groups
    .map((group) => {
      const rows = settingRows.filter((row) => row.group === group).map(tableRow);
      return `\n### ${group}\n\n| key | flag | environment | default | what it is |\n|---|---|---|---|---|\n${rows.join('')}`;
    })
    .concat('\n')
    .join('');
}

function tableRow(setting: Setting): string {
  const { key, description, kind } = setting;
  const flag = setting.environmentOnly ? '' : `\`--${flagName(key)}\``;
  const standard = setting.default === undefined ? missing(setting) : `\`${setting.default}\``;
  const secret = kind === 'secret' ? ' (secret)' : '';
  const cells = [
    `\`${flagName(key)}\``,
    flag,
    `\`${environmentName(key)}\``,
    standard,
    `${description}${secret}`,
  ];
  return `| ${cells.join(' | ')} |\n`;
}

function missing(setting: Setting): string {
  return 'required' in setting ? 'required' : '';
}

type Property = Readonly<Record<string, unknown>>;

/** The schema of a configuration file, for editors: from the schema of the options, under the names of the file. */
function schemaOfTheFile(): Generated {
  const path = 'configuration.schema.json';
  const options = z.toJSONSchema(
    configurationSchema(optionSpelling, () => []),
    { io: 'input' },
  );
  const properties = (options.properties ?? {}) as Readonly<Record<string, Property>>;
  const entries = settingRows.map((row): [string, Property] => [
    flagName(row.key),
    inFile(row, properties[row.key] ?? {}),
  ]);
  const files = secretRows.map(({ key }): [string, Property] => [
    fileFlagName(key),
    { type: 'string', minLength: 1, description: `A file that holds ${flagName(key)}` },
  ]);
  const schema = {
    $schema: options.$schema,
    title: 'Configuration file of mcp-oauth-gateway',
    type: 'object',
    properties: Object.fromEntries([...entries, ...files]),
    // Nothing is required: what is missing here can come from a flag or the environment.
    additionalProperties: false,
  };
  return {
    path,
    actual: readFileSync(path, 'utf8'),
    expected: `${JSON.stringify(schema, undefined, 2)}\n`,
  };
}

/** A list may be written as one. */
function inFile(row: Setting, { description, default: _, ...rest }: Property): Property {
  const list = { type: 'array', items: { type: 'string' } };
  const type = row.kind === 'list' ? { anyOf: [rest, list] } : rest;
  return { description, ...type, ...(row.default !== undefined && { default: row.default }) };
}

if (process.argv[1]?.endsWith('generated.ts')) {
  for (const { path, expected } of generatedFiles()) writeFileSync(path, expected);
}
