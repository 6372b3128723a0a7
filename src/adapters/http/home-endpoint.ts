import { type GatewayAddress, mcpUrl } from '../../domain/gateway-address.ts';
import { sendPage } from './answers.ts';
import { type HomeView, homePage } from './home-page.ts';
import type { Handle } from './router.ts';
import { seenBase } from './seen-base.ts';

/** GET /: for a person who wonders what this is. */
export function homeEndpoint(
  address: () => GatewayAddress,
  { upstreamHost, onlyScreen }: Pick<HomeView, 'upstreamHost' | 'onlyScreen'>,
): Handle {
  return (request, response) => {
    const base = seenBase(address(), request, response);
    sendPage(response, 200, homePage({ mcpUrl: mcpUrl(base), upstreamHost, onlyScreen }));
  };
}
