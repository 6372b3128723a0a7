import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCommandLine } from '../../src/adapters/configuration/command-line.ts';
import { runDoctor } from '../../src/adapters/configuration/run-doctor.ts';
import { runGrants } from '../../src/adapters/configuration/run-grants.ts';
import { runHealthcheck } from '../../src/adapters/configuration/run-healthcheck.ts';
import { keysFromFile } from '../../src/adapters/system/key-file.ts';
import { success } from '../../src/domain/result.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Call, callsIn, type ShellBlock, shellBlocks } from './shell-blocks.ts';

const folder = temporaryFolder();
const documents = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true })
    .map((name) => join('docs', String(name)))
    .filter((name) => name.endsWith('.md')),
];

/** What runs the commands that only a whole checkout can: by their first line, a file and what stands in it. */
const elsewhere: Readonly<Record<string, readonly [file: string, words: string]>> = {
  'npm ci && npm run demo': ['.ci/run', 'npm run demo -- --check'],
  'npm ci && npm test': ['.ci/run', 'npm test'],
  'npm ci': ['test/package/package.test.ts', 'the installed package starts through its bin'],
};

/** What is done with the others, besides the calls of the gateway: by their first line. */
const runs: Readonly<Record<string, () => void>> = {
  'secret=$(openssl rand -hex 32)': () => {
    const block = blockBeginning('secret=$(openssl rand -hex 32)');
    const found = /client: +(\w{64})\n.*sha256:(\w{64})/;

    const [call] = callsIn(`note "$(${block.text})"`, folder, ['note']);
    const [, secret = '', hash = ''] = found.exec(call?.argv[1] ?? '') ?? [];

    assert.equal(Buffer.from(hash, 'hex').toString('base64url'), sha256(secret));
  },
  'mkdir secrets': () => {
    const place = mkdtempSync(join(folder, 'deploy-'));

    const calls = callsIn(blockBeginning('mkdir secrets').text, place, ['sudo']);

    const keys = keysFromFile(join(place, 'secrets/gateway-key'), 'refuse');
    assert.equal(keys.ok, true, 'the key is one');
    assert.equal(statSync(join(place, 'secrets/password')).mode & 0o777, 0o400);
    assert.match(readFileSync(join(place, '.env'), 'utf8'), /^GATEWAY_HOST=.+\nUPSTREAM_RS=.+\n$/);
    assert.deepEqual(calls[0]?.argv.slice(0, 3), ['sudo', 'chown', '10001:10001']);
  },
};

const blocks = documents.flatMap(shellBlocks);

function firstLine({ text }: ShellBlock): string {
  return text.split('\n', 1)[0] ?? '';
}

function blockBeginning(line: string): ShellBlock {
  return blocks.find((block) => firstLine(block) === line) ?? assert.fail(line);
}

const header = join(folder, 'header');
writeFileSync(header, 'Authorization: Bearer x');
/** What a reader has, or puts, in their place. */
const ours: Readonly<Record<string, string>> = {
  '--upstream-rs=...': '--upstream-rs=https://a.example/mcp',
  '--upstream-header-file=/run/secrets/header': `--upstream-header-file=${header}`,
};

/** Takes a call of the gateway as far as it gets without a network: its settings are read, and judged as at a start. */
async function takes({ argv, env }: Call): Promise<void> {
  const [program, ...given] = argv;
  const rest = program === 'npm' ? given.slice(given.indexOf('--') + 1) : given;
  const flags = rest.map((flag) => ours[flag] ?? flag);
  const printed: string[] = [];
  const out = { write: (text: string) => printed.push(text) > 0 };
  const own = { MCP_GATEWAY_PASSWORD: 'a password of ours', ...env };
  const process = { argv: ['node', 'main', ...flags], env: own, stdout: out, stderr: out };
  const admin = { ...own, MCP_GATEWAY_ADMIN_SOCKET: '/run/admin.sock' };
  const [command] = flags;
  if (command === 'doctor') {
    let isAsked = false;
    const examine = async () => {
      isAsked = true;
      throw new Error('not here');
    };
    await runDoctor(onUpstream(process), examine, '0');
    assert.equal(isAsked, true, printed.join(''));
  } else if (command === 'grants') {
    const ask = async (_: string, method: string) =>
      success(method === 'GET' ? { grants: [] } : { revoked: 0 });
    assert.equal(await runGrants({ ...process, env: admin }, ask), 0, printed.join(''));
  } else if (command === 'healthcheck') {
    assert.equal(await runHealthcheck(process, async () => success('ok')), 0, printed.join(''));
  } else {
    const asked = await readCommandLine(flags, onUpstream(process).env, () => 'the text of a file');
    assert.notEqual(asked.type, 'refuse', 'text' in asked ? asked.text : '');
  }
}

/** Where the upstream is not named on the line it stands in the environment, as docs/install.md has it. */
function onUpstream<Given extends { readonly env: Readonly<Record<string, string>> }>(
  given: Given,
): Given {
  return { ...given, env: { MCP_GATEWAY_UPSTREAM_RS: 'https://a.example/mcp', ...given.env } };
}

for (const block of blocks) {
  const { document, line, text, isMarked } = block;
  const isOurs = text
    .replaceAll(/\\\n/g, ' ')
    .trim()
    .split('\n')
    .every((each) =>
      /^(?:MCP_GATEWAY_\w+='[^']*' )?mcp-oauth-gateway |^export MCP_|^npm start -- /.test(each),
    );
  if (isMarked) continue;
  test(`the commands in ${document}, line ${line}, are run, or said not to be`, async () => {
    const where = elsewhere[firstLine(block)];
    if (where !== undefined) {
      const [file, words] = where;
      assert.equal(existsSync(file) && readFileSync(file, 'utf8').includes(words), true, file);
      return;
    }
    const run = runs[firstLine(block)];
    if (run !== undefined) return run();
    assert.equal(isOurs, true, 'nothing runs them: write (not run) into the words before them');
    const calls = callsIn(text, folder, ['mcp-oauth-gateway', 'npm']);
    assert.notEqual(calls.length, 0, text);
    for (const call of calls) await takes(call);
  });
}

test('every block says what it is, so that no command hides in one', () => {
  const known = /^ *```(sh|ini|json|yaml|js|text|nginx|caddyfile|haproxy)$/;
  for (const document of documents) {
    const fences = readFileSync(document, 'utf8').match(/^ *```.*$/gm) ?? [];
    const opening = fences.filter((_, index) => index % 2 === 0);

    assert.deepEqual(
      opening.filter((fence) => !known.test(fence)),
      [],
      document,
    );
  }
});
