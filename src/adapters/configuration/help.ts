import yargs from 'yargs';
import { configVariable } from './read-environment.ts';
import {
  environmentName,
  flagName,
  type Setting,
  type SettingGroup,
  settingRows,
  settings,
} from './settings.ts';

const indent = '  ';

/** The text of `--help`: each setting with its environment name and default, at most 100 wide. */
export function helpText(columns: number): string {
  const layout = yargs([])
    .scriptName('mcp-oauth-gateway')
    .locale('en')
    .help(false)
    .version(false)
    .usage(usage)
    .epilogue(epilogue())
    .wrap(Math.max(60, Math.min(columns, 100)));
  for (const row of settingRows.filter((setting) => setting.environmentOnly !== true)) {
    layout.option(flagName(row.key), { group: heading(row.group), describe: description(row) });
  }
  layout.option('config', {
    group: 'Other:',
    describe: `Configuration file, JSON or YAML\n${configVariable}`,
  });
  layout.option('check', { group: 'Other:', describe: 'Check the configuration and exit' });
  layout.option('help', { group: 'Other:', describe: 'Print this text and exit' });
  layout.option('version', { group: 'Other:', describe: 'Print the version and exit' });
  let text = '';
  layout.showHelp((written) => {
    text = written;
  });
  return text.trimEnd();
}

const usage = `Usage: $0 --upstream-rs=URL [--flag=value ...]
       $0 config          print the configuration and where each value comes from
       $0 hash-password   hash a password, typed or from standard input
       $0 grants list     what is in force; or revoke, with --user=, --client=, --grant= or --all
       $0 healthcheck     say whether the gateway of this machine lives, for containers
       $0 doctor --upstream-rs=URL [--flag=value ...] [--json]

An OAuth door of your own in front of an MCP server: MCP clients sign in here
first, then at the upstream. Each setting is a flag, the environment variable named
below it, or a key of the configuration file; the first of them that is given wins.
Each secret can be given as a file that holds it: --upstream-client-secret-file,
MCP_GATEWAY_PASSWORD_FILE.`;

/** yargs lists flags only, so what has none is set in the same columns by hand. */
function epilogue(): string {
  const rows = settingRows.filter((setting) => setting.environmentOnly === true);
  const width = Math.max(...rows.map((row) => environmentName(row.key).length));
  const groups = [...new Set<SettingGroup>(rows.map((row) => row.group))];
  const blocks = groups.map((group) => {
    const lines = rows
      .filter((row) => row.group === group)
      .flatMap((row) => [
        `${indent}${environmentName(row.key).padEnd(width)}${indent}${row.description}`,
        ...facts(row).map((fact) => `${indent}${' '.repeat(width)}${indent}${fact}`),
      ]);
    return [`${group} (environment only, because \`ps\` shows command lines):`, ...lines];
  });
  return [...blocks.flat(), '', ...example].join('\n');
}

const example = [
  'Example, GitHub (register the callback that the start prints):',
  `${indent}MCP_GATEWAY_UPSTREAM_CLIENT_SECRET=... mcp-oauth-gateway \\`,
  `${indent}${indent}--upstream-rs=${settings.upstreamRs.example} \\`,
  `${indent}${indent}--upstream-client-id=${settings.upstreamClientId.example} \\`,
  `${indent}${indent}--upstream-authorize-endpoint=${settings.upstreamAuthorizeEndpoint.example} \\`,
  `${indent}${indent}--upstream-token-endpoint=${settings.upstreamTokenEndpoint.example}`,
];

function heading(group: SettingGroup): string {
  return group === 'Tokens' ? 'Tokens (times in seconds):' : `${group}:`;
}

function description(row: Setting): string {
  return `${row.description}\n${[environmentName(row.key), ...facts(row)].join(', ')}`;
}

function facts(row: Setting): string[] {
  if (row.kind === 'seconds') return [`default ${row.default}${inWords(row.default)}`];
  if (row.default !== undefined) return [`default ${row.default}`];
  return 'required' in row ? ['required'] : [];
}

function inWords(seconds: number): string {
  for (const [unit, size] of units) {
    const count = seconds / size;
    if (Number.isInteger(count) && count > 0) return ` (${count} ${unit}${count === 1 ? '' : 's'})`;
  }
  return '';
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;
