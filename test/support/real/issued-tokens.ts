import { type KeyObject, verify } from 'node:crypto';
import type Provider from 'oidc-provider';
import { z } from 'zod';

/** What a living access token says (RFC 7662 names). */
export interface AccessTokenClaims {
  readonly sub: string;
  readonly client_id: string;
  readonly scope: string;
  /** Undefined for a token that was asked for without `resource`. */
  readonly aud: string | undefined;
}

const jwtPayload = z.object({
  jti: z.string(),
  sub: z.string(),
  client_id: z.string(),
  scope: z.string().default(''),
  aud: z.string(),
  exp: z.number(),
});

/** The claims of a living opaque token. */
export async function opaqueClaims(
  provider: Provider,
  token: string,
): Promise<AccessTokenClaims | undefined> {
  const found = await provider.AccessToken.find(token);
  if (found?.accountId === undefined) return undefined;
  return {
    sub: found.accountId,
    client_id: found.clientId ?? '',
    scope: found.scope ?? '',
    aud: typeof found.aud === 'string' ? found.aud : undefined,
  };
}

/** The claims of a JWT (ES256) that this key signed, if it still lives. */
export function jwtClaims(
  token: string,
  key: KeyObject,
  isEnded: (jti: string) => boolean,
): AccessTokenClaims | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const signed = Buffer.from(`${header}.${payload}`);
  const proof = Buffer.from(signature, 'base64url');
  if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, proof)) return undefined;
  const claims = jwtPayload.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  if (isEnded(claims.jti) || claims.exp * 1000 <= Date.now()) return undefined;
  return { sub: claims.sub, client_id: claims.client_id, scope: claims.scope, aud: claims.aud };
}

/** Remembers all that a provider issues, so that tests can end it. */
export function watchTokens(provider: Provider): {
  isEnded(jti: string): boolean;
  expire(): Promise<void>;
  revokeGrants(): Promise<void>;
} {
  const issued = new Set<string>();
  const ended = new Set<string>();
  const grants = new Set<string>();
  // Opaque tokens are saved, JWTs are only issued; the second event is not in the type declarations.
  const remember = (token: { readonly jti: string }): void => {
    issued.add(token.jti);
  };
  provider.on('access_token.saved', remember);
  provider.addListener('access_token.issued' as 'access_token.saved', remember);
  provider.on('grant.saved', (grant) => grants.add(grant.jti));
  const expire = async (): Promise<void> => {
    for (const jti of issued) {
      ended.add(jti);
      await (await provider.AccessToken.find(jti))?.destroy();
    }
    issued.clear();
  };
  return {
    isEnded: (jti) => ended.has(jti),
    expire,
    revokeGrants: async () => {
      await expire();
      for (const grantId of grants) {
        await provider.RefreshToken.revokeByGrantId(grantId);
        await (await provider.Grant.find(grantId))?.destroy();
      }
      grants.clear();
    },
  };
}
