import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { oauthErrorCodes } from '../../src/domain/oauth-error.ts';
import { generatedFiles } from './generated.ts';

const documents = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true })
    .map((name) => join('docs', String(name)))
    .filter((name) => name.endsWith('.md')),
];

for (const { path, actual, expected } of generatedFiles()) {
  test(`what is generated in ${path} is what the code says`, () => {
    assert.equal(actual, expected, 'run: npm run generate');
  });
}

test('README.md lists exactly the error codes that the gateway can send', () => {
  const [, section = ''] = readFileSync('README.md', 'utf8').split('## Errors');

  const listed = [...section.matchAll(/^\| `(\w+)` \|/gm)].map((row) => row[1]);

  assert.deepEqual(listed.sort(), [...oauthErrorCodes].sort());
});

for (const document of documents) {
  test(`every link to a file in ${document} leads somewhere`, () => {
    const text = readFileSync(document, 'utf8');

    const targets = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((link) => link[1] ?? '');

    assert.deepEqual(
      targets.filter((target) => !existsSync(join(dirname(document), target))),
      [],
    );
  });
}
