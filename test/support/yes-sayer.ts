import type { UpstreamAuthorizationServer } from '../../src/application/ports.ts';
import { success } from '../../src/domain/result.ts';
import { upstreamToken } from '../../src/domain/token-pair.ts';

/** The token that opens the upstream. */
export const upstreamAccess = 'upstream-access';

const notAsked = () => Promise.reject(new Error('Nobody asks for that here.'));
const nothing = { document: undefined, freshFor: undefined };

/** An authorization server that gives a token to whoever asks. */
export const yesSayer: UpstreamAuthorizationServer = {
  resourceDocument: async () => success(nothing),
  serverDocument: async () => success(nothing),
  register: notAsked,
  probe: notAsked,
  revokeToken: notAsked,
  requestTokens: async () => {
    const access = upstreamToken(upstreamAccess);
    if (access === undefined) throw new Error('This cannot be a token.');
    return success({ access, refresh: undefined, expiresIn: 3600, scope: undefined });
  },
};
