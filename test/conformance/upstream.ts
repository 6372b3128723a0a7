import { randomBytes } from 'node:crypto';
import { startHttpAuthorizationServer } from '../../src/adapters/testing/http-authorization-server.ts';
import { type GoodServer, startGoodServer } from './good-server/good-server.ts';

/** The good server, and an authorization server that says yes by itself. */
export interface Upstream extends GoodServer {
  /** A token that the good server takes from a client that comes without a gateway. */
  readonly directToken: string;
}

/** Starts both on loopback. */
export async function startUpstream(): Promise<Upstream> {
  const issuing = await startHttpAuthorizationServer({ traits: { autoApprove: true } });
  const directToken = randomBytes(32).toString('base64url');
  const isGood = (token: string) => token === directToken || issuing.access(token) !== undefined;
  const good = await startGoodServer({ issuer: issuing.issuer, isGood });
  return {
    url: good.url,
    directToken,
    close: async () => {
      await Promise.all([good.close(), issuing.close()]);
    },
  };
}
