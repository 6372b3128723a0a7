import {
  type CryptoKey,
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWK,
} from 'jose';
import { z } from 'zod';
import type { ClientAssertions } from '../../application/ports.ts';
import {
  type AssertionClaims,
  assertionAlgorithms,
  type ClientKey,
} from '../../domain/client-keys.ts';

/** Characters; a token endpoint's form is bounded, and assertions of the field have less than 1,500. */
const longest = 8192;
const moment = z.number().optional();

/** An assertion, and what it says. */
const claimsOf = (assertion: string): z.ZodType<AssertionClaims> =>
  z
    .object({
      iss: z.string(),
      sub: z.string(),
      aud: z.union([z.string(), z.array(z.string())]),
      exp: z.number(),
      nbf: moment,
      iat: moment,
      jti: z.string().min(1).optional(),
    })
    .transform(({ iss, sub, aud, exp, nbf, iat, jti }) => ({
      issuer: iss,
      subject: sub,
      audience: [aud].flat(),
      expiresAt: exp,
      notBefore: nbf,
      issuedAt: iat,
      id: jti ?? signedText(assertion),
    }));

/** What the signature is over (RFC 7515 §2): the last bits of a signature's spelling mean nothing, and of an ECDSA signature there are two. */
function signedText(assertion: string): string {
  return assertion.slice(0, assertion.lastIndexOf('.'));
}

/** Client assertions by `jose`. */
export const joseAssertions: ClientAssertions = {
  read(assertion) {
    if (assertion.length > longest) return undefined;
    try {
      const { alg = 'none' } = decodeProtectedHeader(assertion);
      if (!assertionAlgorithms.includes(alg)) return undefined;
      return claimsOf(assertion).safeParse(decodeJwt(assertion)).data;
    } catch {
      return undefined;
    }
  },
  async isSignedBy(assertion, keys) {
    try {
      await verify(assertion, keys);
      return true;
    } catch {
      // Whatever is wrong with a stranger's token or key: it was not proven.
      return false;
    }
  },
};

const options = { algorithms: [...assertionAlgorithms] };

async function verify(assertion: string, keys: readonly ClientKey[]): Promise<void> {
  try {
    // By `kid`, type and curve; jose itself refuses short RSA keys and unknown critical headers.
    const set = createLocalJWKSet({ keys: keys.map((key) => ({ ...key }) as JWK) });
    await compactVerify(assertion, set, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // Several keys without a name: each is tried.
    for await (const key of error) {
      if (await isBy(key, assertion)) return;
    }
    throw error;
  }
}

async function isBy(key: CryptoKey, assertion: string): Promise<boolean> {
  try {
    await compactVerify(assertion, key, options);
    return true;
  } catch {
    return false;
  }
}
