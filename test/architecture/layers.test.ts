import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const biome = 'node_modules/@biomejs/biome/bin/biome';
const importRules = ['--only=style/noRestrictedImports', '--only=suspicious/noImportCycles'];

function lint(files: readonly string[], input?: string) {
  const options = input === undefined ? files : [`--stdin-file-path=${files[0]}`];
  const run = spawnSync(process.execPath, [biome, 'lint', ...importRules, ...options], {
    encoding: 'utf8',
    ...(input !== undefined && { input }),
  });
  return { ok: run.status === 0, output: run.stdout + run.stderr };
}

test('no arrow between the layers points outward', () => {
  const { ok, output } = lint(['src']);

  assert.ok(ok, output);
});

const outward = [
  ['domain', '../application/ports.ts'],
  ['domain', 'zod'],
  ['domain', 'node:http'],
  ['application', '../adapters/http/router.ts'],
  ['application', 'undici'],
  ['adapters/http', '../store/memory.ts'],
  ['adapters/http', '../../main.ts'],
] as const;

for (const [layer, specifier] of outward) {
  test(`src/${layer} may not import ${specifier}`, () => {
    const probe = `import { probe } from '${specifier}';\nexport const probed: unknown = probe;\n`;

    assert.equal(lint([`src/${layer}/probe.ts`], probe).ok, false);
  });
}
