import { baseUrlFor, type GatewayAddress, mcpUrl } from '../../domain/gateway-address.ts';
import { sendPage } from './answers.ts';
import { type HomeView, homePage } from './home-page.ts';
import type { Handle } from './router.ts';

/** GET /: for a person who wonders what this is. */
export function homeEndpoint(
  address: () => GatewayAddress,
  { upstreamHost, onlyScreen }: Pick<HomeView, 'upstreamHost' | 'onlyScreen'>,
): Handle {
  return (request, response) => {
    const base = baseUrlFor(address(), request.headers.host);
    sendPage(response, 200, homePage({ mcpUrl: mcpUrl(base), upstreamHost, onlyScreen }));
  };
}
