import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { approveOidcProvider, Browser } from '../support/real/browser-driver.ts';
import type { Authorize } from '../support/real/mcp-clients.ts';
import {
  type OidcProviderOptions,
  type OidcProviderUpstream,
  startOidcProvider,
} from '../support/real/oidc-provider-upstream.ts';
import type { ProtectedMcp, ProtectedMcpOptions } from '../support/real/protected-mcp.ts';

/** An authorization server and an MCP server that trusts it, closed when the test ends. */
export async function startUpstream<Mcp extends ProtectedMcp>(
  test: TestContext,
  startMcp: (options: ProtectedMcpOptions) => Promise<Mcp>,
  options: OidcProviderOptions = {},
): Promise<{ readonly as: OidcProviderUpstream; readonly mcp: Mcp }> {
  const as = await startOidcProvider(options);
  test.after(as.close);
  const mcp = await startMcp({
    verify: as.verifyAccessToken,
    resourceMetadata: { authorization_servers: [as.issuer], scopes_supported: ['mcp'] },
  });
  test.after(mcp.close);
  return { as, mcp };
}

/** A user who signs in as `login` and consents to everything. */
export function approvingUser(redirectUri: string, login = 'alice'): Authorize {
  const browser = new Browser(redirectUri);
  return async (url) => {
    const page = await approveOidcProvider(browser, await browser.visit(url), login);
    assert.ok(page.callback, `The browser stayed at ${page.url} with status ${page.status}`);
    return page.callback;
  };
}
