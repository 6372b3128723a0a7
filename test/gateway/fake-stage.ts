import type { TestContext } from 'node:test';
import {
  type HttpAuthorizationServer,
  type HttpAuthorizationServerTraits,
  startHttpAuthorizationServer,
} from '../../src/adapters/testing/http-authorization-server.ts';
import {
  type HttpResourceServer,
  startHttpResourceServer,
} from '../../src/adapters/testing/http-resource-server.ts';
import { type RecordedEvents, recordedEvents } from '../../src/adapters/testing/recorded-events.ts';
import type { Ports } from '../../src/application/ports.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/main.ts';
import { credentials, type MovableClock, movableClock } from './gateway-setup.ts';

/** A gateway before an upstream that can be told to misbehave; all three share one clock. */
export interface Stage {
  readonly as: HttpAuthorizationServer;
  readonly mcp: HttpResourceServer;
  readonly gateway: Gateway;
  /** The gateway's base URL. */
  readonly base: string;
  /** Where it really listens, whatever its public URL is. */
  readonly local: string;
  readonly clock: MovableClock;
  readonly events: RecordedEvents;
}

/** Starts all three; they are closed when the test ends. The upstream's screen says yes by itself unless told. */
export async function startStage(
  test: TestContext,
  options: Partial<GatewayOptions> = {},
  traits: Partial<HttpAuthorizationServerTraits> = {},
  ports: Partial<Ports> = {},
): Promise<Stage> {
  const clock = movableClock();
  const as = await startHttpAuthorizationServer({
    clock,
    traits: { autoApprove: true, ...traits },
  });
  test.after(as.close);
  const mcp = await startHttpResourceServer({ issuer: as.issuer, access: as.access, clock });
  test.after(mcp.close);
  const events = recordedEvents();
  const gateway = createGateway(
    { port: 0, ...credentials, upstreamRs: mcp.url, ...options },
    { clock, events, ...ports },
  );
  const { port } = await gateway.listen();
  test.after(() => gateway.close());
  const local = `http://127.0.0.1:${port}`;
  return { as, mcp, gateway, base: gateway.url, local, clock, events };
}
