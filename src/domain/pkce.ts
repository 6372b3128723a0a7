import { sameText, sha256 } from './secret-hash.ts';

/** `BASE64URL(SHA256(verifier))`: what the authorization request carries (RFC 7636 §4.2). */
export type CodeChallenge = string;

const verifierText = /^[A-Za-z0-9._~-]{43,128}$/;
const challengeText = /^[A-Za-z0-9_-]{43}$/;

/** Whether a text has the form of an S256 challenge: 43 base64url characters. */
export function isCodeChallenge(text: string): text is CodeChallenge {
  return challengeText.test(text);
}

/** The S256 challenge of a verifier. */
export function codeChallengeOf(verifier: string): CodeChallenge {
  return sha256(verifier);
}

/** Whether the presented verifier (43 to 128 unreserved characters, RFC 7636 §4.1) is the one the challenge was made of. */
export function provesChallenge(verifier: string, challenge: CodeChallenge): boolean {
  return verifierText.test(verifier) && sameText(codeChallengeOf(verifier), challenge);
}
