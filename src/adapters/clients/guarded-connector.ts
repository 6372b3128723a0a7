import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';

/** Every address of a name. */
export type ResolveName = (name: string) => Promise<readonly LookupAddress[]>;

/** The system's resolver. */
export const systemResolver: ResolveName = (name) => lookup(name, { all: true });

/** A name leads to an address that nobody outside may make this gateway connect to. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
}

/**
 * Connects to public addresses only. What is checked is what is connected to: a name is resolved once, in here, so that DNS cannot say one
 * thing to the check and another to the connection (rebinding). One forbidden address among several is enough to refuse.
 */
export function guardedConnector(
  isForbidden: (address: string, host: string) => boolean,
  timeout: number,
  resolve: ResolveName = systemResolver,
): buildConnector.connector {
  const admitted = async (host: string): Promise<readonly [LookupAddress, ...LookupAddress[]]> => {
    const [first, ...others] = await resolve(host);
    if (first === undefined) throw new ForbiddenAddress(`${host} has no address`);
    for (const { address } of [first, ...others]) {
      if (isForbidden(address, host)) {
        throw new ForbiddenAddress(`${host} is at the special address ${address}`);
      }
    }
    return [first, ...others];
  };
  const guardedLookup: LookupFunction = (host, { all }, callback) => {
    admitted(host).then(
      ([first, ...others]) => {
        if (all) callback(null, [first, ...others]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
  const connect = buildConnector({ timeout, lookup: guardedLookup });
  return (options, callback) => {
    // An address in the URL is connected to without any look-up.
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && isForbidden(host, host)) {
      callback(new ForbiddenAddress(`${host} is a special address`), null);
      return;
    }
    connect(options, callback);
  };
}
