import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Ports } from '../../src/application/ports.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/main.ts';
import { approveOidcProvider, Browser } from '../support/real/browser-driver.ts';
import type { Authorize } from '../support/real/mcp-clients.ts';

/** The credentials that every gateway of the tests takes. */
export const credentials = { username: 'gateway_user', password: 'gateway_pass' } as const;

/** A gateway on a free port, closed when the test ends. */
export async function startGateway(
  test: TestContext,
  options: GatewayOptions,
  ports: Partial<Ports> = {},
): Promise<Gateway> {
  const gateway = createGateway({ port: 0, ...credentials, ...options }, ports);
  await gateway.listen();
  test.after(() => gateway.close());
  return gateway;
}

/** A user who signs in at the gateway (screen 1) and then at oidc-provider (screen 2), and allows everything. */
export function signingInUser(redirectUri: string, login = 'alice'): Authorize {
  const browser = new Browser(redirectUri);
  return async (url) => {
    const [form] = (await browser.visit(url)).forms;
    assert.ok(form, 'screen 1 has a form');
    const allow = { name: 'decision', value: 'allow' };
    const upstream = await browser.submit(form, credentials, allow);
    const page = await approveOidcProvider(browser, upstream, login);
    assert.ok(page.callback, `The browser stayed at ${page.url} with status ${page.status}`);
    return page.callback;
  };
}
