import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { presetFor, upstreamPresets } from '../../src/domain/upstream-presets.ts';

const rows: readonly (readonly [readonly (string | undefined)[], string | undefined])[] = [
  [['https://api.githubcopilot.com/mcp/'], 'GitHub'],
  [['https://github.com/login/oauth'], 'GitHub'],
  [['https://gmailmcp.googleapis.com/mcp/v1'], 'Google'],
  [['https://login.microsoftonline.com/tenant/v2.0'], 'Microsoft Entra'],
  [['https://mcp.slack.com/mcp'], 'Slack'],
  [['https://mcp.figma.com/mcp'], 'Figma'],
  [['https://tenant.eu.auth0.com/'], 'Auth0'],
  [['https://mcp.notion.com/mcp'], 'Notion'],
  [['https://mcp.linear.app/mcp'], 'Linear'],
  [['https://mcp.atlassian.com/v1/mcp'], 'Atlassian'],
  [[undefined, 'https://mcp.slack.com/mcp'], 'Slack'],
  [['https://accounts.google.com', 'https://mcp.slack.com/mcp'], 'Google'],
  [['https://evilgithub.com/'], undefined],
  [['https://github.com.evil.example/'], undefined],
  [['https://google.com/'], undefined],
  [['no url', undefined], undefined],
  [[], undefined],
];
for (const [urls, name] of rows) {
  test(`what is known of ${urls.join(' and ')} is what is known of ${name ?? 'nobody'}`, () => {
    assert.equal(presetFor(urls)?.name, name);
  });
}

test('every row says why it is there, and who found out', () => {
  for (const { name, reason, source } of upstreamPresets) {
    assert.match(reason, /\.$/, name);
    assert.match(source, /[\w-]+/, name);
  }
});

test('docs/upstreams.md has a recipe for every row', () => {
  const recipes = readFileSync('docs/upstreams.md', 'utf8');

  for (const { name } of upstreamPresets) assert.ok(recipes.includes(`## ${name}`), name);
});
