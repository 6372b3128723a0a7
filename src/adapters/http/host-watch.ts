import { isIP } from 'node:net';
import type { Events } from '../../application/events.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';

/** More wrong names than one mistake explains are somebody's play. */
const mostTold = 8;

/**
 * Tells, once for each, by which wrong names clients reach the gateway. They compare the URL that they were given with the one that the
 * gateway calls itself, and give up without a word where the two differ. Addresses and loopback names are how proxies call it: no matter.
 */
export function hostWatch(
  address: () => GatewayAddress,
  events: Events,
): (host: string | undefined) => void {
  const known = new Set<string>();
  let lastRight: string | undefined;
  return (host) => {
    // Nearly every call comes by the one right name.
    if (host === undefined || host === lastRight) return;
    if (known.has(host) || known.size >= mostTold) return;
    const { protocol, host: expected } = new URL(address().canonical);
    const url = `${protocol}//${host}`; // written as ours is: in lower case, without the usual port
    if ((URL.canParse(url) && new URL(url).host === expected) || isLocal(host)) {
      lastRight = host;
      return;
    }
    known.add(host);
    events.emit({ type: 'unexpected_host', host, expected });
  };
}

function isLocal(host: string): boolean {
  const name = host.replace(/:\d*$/, '').replace(/^\[|\]$/g, '');
  return isIP(name) !== 0 || name.toLowerCase() === 'localhost';
}
