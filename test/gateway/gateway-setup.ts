import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { type RecordedEvents, recordedEvents } from '../../src/adapters/testing/recorded-events.ts';
import type { Clock, Ports } from '../../src/application/ports.ts';
import { epochSeconds } from '../../src/domain/lifetime.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/main.ts';
import { startUpstream } from '../real-parts/direct-setup.ts';
import { approveOidcProvider, Browser } from '../support/real/browser-driver.ts';
import type { Authorize } from '../support/real/mcp-clients.ts';
import type {
  OidcProviderOptions,
  OidcProviderUpstream,
} from '../support/real/oidc-provider-upstream.ts';
import type { ProtectedMcp, ProtectedMcpOptions } from '../support/real/protected-mcp.ts';

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

/** The clock of this machine, which can be put forward. */
export interface MovableClock extends Clock {
  advance(seconds: number): void;
}

/** Makes one. */
export function movableClock(): MovableClock {
  let ahead = 0;
  return {
    now: () => epochSeconds(systemClock.now() + ahead),
    sleep: systemClock.sleep,
    advance: (seconds) => {
      ahead += seconds;
    },
  };
}

/** A gateway before a real upstream: oidc-provider, and an official MCP server that trusts it. */
export interface Chain<Mcp extends ProtectedMcp> {
  readonly as: OidcProviderUpstream;
  readonly mcp: Mcp;
  readonly gateway: Gateway;
  /** What to give to a client. */
  readonly url: string;
  readonly clock: MovableClock;
  readonly events: RecordedEvents;
}

/** Starts all three; they are closed when the test ends. */
export async function startChain<Mcp extends ProtectedMcp>(
  test: TestContext,
  startMcp: (options: ProtectedMcpOptions) => Promise<Mcp>,
  options: Partial<GatewayOptions> = {},
  upstream: OidcProviderOptions = {},
): Promise<Chain<Mcp>> {
  const { as, mcp } = await startUpstream(test, startMcp, upstream);
  const clock = movableClock();
  const events = recordedEvents();
  const gateway = await startGateway(test, { upstreamRs: mcp.url, ...options }, { clock, events });
  return { as, mcp, gateway, url: `${gateway.url}/mcp`, clock, events };
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
