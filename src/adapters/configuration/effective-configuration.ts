import type { GatewayConfig } from './gateway-configuration.ts';
import { flagName, type Setting, settingRows } from './settings.ts';
import { describeSource, type Sources } from './sources.ts';
import { withoutQuery } from './web-address.ts';

/**
 * The configuration as it takes effect, in the form of a configuration file, with the source of each value behind it. A secret is only
 * told to be there.
 */
export function effectiveConfiguration(config: GatewayConfig, sources: Sources): string {
  const lines = settingRows.map((row) => line(row, config));
  const width = Math.min(60, Math.max(...lines.map((each) => each.length)));
  return settingRows
    .map(({ key }, index) => `${lines[index]?.padEnd(width)}  # ${describeSource(key, sources)}`)
    .join('\n');
}

function line(row: Setting, config: GatewayConfig): string {
  const value = config[row.key];
  const name = flagName(row.key);
  return value === undefined ? `# ${name}:` : `${name}: ${shown(row, value)}`;
}

function shown({ kind }: Setting, value: NonNullable<GatewayConfig[keyof GatewayConfig]>): string {
  if (kind === 'secret') return '"********"';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return JSON.stringify(value);
  if (typeof value === 'object')
    return JSON.stringify(new URLSearchParams(Object.entries(value)).toString());
  const text = kind === 'url' ? withoutQuery(value) : value;
  // What YAML could take for something else is quoted as JSON, which YAML is a superset of.
  return /^[A-Za-z/][\w./:@-]*$/.test(text) && !/:$|^(true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
