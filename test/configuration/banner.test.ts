import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BannerFacts, banner } from '../../src/adapters/configuration/banner.ts';
import { parseConfiguration } from '../../src/adapters/configuration/gateway-configuration.ts';

function bannerOf(options: Record<string, unknown>, facts: Partial<BannerFacts> = {}): string[] {
  const config = parseConfiguration({ upstreamRs: 'https://mcp.example.com/mcp/', ...options });
  return banner({
    version: '1.2.3',
    config,
    sources: new Map(),
    addresses: ['127.0.0.1', '::1'],
    port: 8002,
    store: 'memory',
    warnings: [],
    ...facts,
  });
}

test('the banner tells what to paste, what to register and what to know', () => {
  assert.deepEqual(bannerOf({}, { warnings: ['Mind the step.'] }), [
    'mcp-oauth-gateway:    1.2.3',
    'listening on:         127.0.0.1:8002, [::1]:8002',
    'MCP URL:              http://localhost:8002/mcp (paste this into your MCP client)',
    'upstream callback:    http://localhost:8002/upstream/callback (register this redirect URI at the upstream)',
    'upstream:             https://mcp.example.com/mcp/',
    'authorization server: found at the first sign-in',
    'upstream client:      registered at the first sign-in',
    'sign-in:              user gateway_user, password: default',
    'store:                memory',
    'warning:              Mind the step.',
  ]);
});

test('the banner names what is configured, and secrets only as set', () => {
  const lines = bannerOf(
    {
      upstreamRs: 'https://mcp.example.com/mcp?key=hunter2',
      upstreamAuthorizeEndpoint: 'https://a.example/authorize?tenant=1',
      upstreamTokenEndpoint: 'https://a.example/token',
      upstreamClientId: 'id',
      upstreamClientSecret: 'hunter2',
      password: 'hunter2',
      publicUrl: 'https://gateway.example',
    },
    { sources: new Map([['password', { type: 'environment', name: 'MCP_GATEWAY_PASSWORD' }]]) },
  );

  assert.ok(lines.includes('upstream:             https://mcp.example.com/mcp?…'));
  assert.ok(lines.includes('authorization server: https://a.example/authorize?… (as configured)'));
  assert.ok(lines.includes('upstream client:      id, secret: set'));
  assert.ok(
    lines.includes(
      'sign-in:              user gateway_user, password: environment MCP_GATEWAY_PASSWORD',
    ),
  );
  assert.ok(!lines.join().includes('hunter2'));
});

test('the banner names a given issuer and a public client', () => {
  const lines = bannerOf({ upstreamAs: 'https://auth.example', upstreamClientId: 'id' });

  assert.ok(lines.includes('authorization server: https://auth.example'));
  assert.ok(lines.includes('upstream client:      id, secret: none'));
});
