import { readFileSync, writeFileSync } from 'node:fs';
import {
  environmentName,
  flagName,
  type Setting,
  settingRows,
} from '../../src/adapters/configuration/settings.ts';

const between = /(<!-- settings -->\n)[\s\S]*?(<!-- \/settings -->)/;

/** README.md, as it is and as the table of settings has it. Run as a script, it writes the latter: `node --import tsx test/docs/settings-table.ts`. */
export function settingsInReadme(): { readonly actual: string; readonly expected: string } {
  const actual = readFileSync('README.md', 'utf8');
  return { actual, expected: actual.replace(between, `$1${settingsTable()}$2`) };
}

function settingsTable(): string {
  const head = '| flag | environment | default | what it is |\n|---|---|---|---|\n';
  return head + settingRows.map(row).join('');
}

function row(setting: Setting): string {
  const flag = setting.environmentOnly ? '' : `\`--${flagName(setting.key)}\``;
  const standard = setting.default === undefined ? missing(setting) : `\`${setting.default}\``;
  const cells = [flag, `\`${environmentName(setting.key)}\``, standard, setting.description];
  return `| ${cells.join(' | ')} |\n`;
}

function missing(setting: Setting): string {
  return 'required' in setting ? 'required' : '';
}

if (process.argv[1]?.endsWith('settings-table.ts')) {
  writeFileSync('README.md', settingsInReadme().expected);
}
