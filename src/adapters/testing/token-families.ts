import type { EpochSeconds } from '../../domain/lifetime.ts';

/** What one authorization at the fake authorization server allows. */
export interface UpstreamGrant {
  readonly clientId: string;
  readonly subject: string;
  readonly scope: string;
  /** The `resource` that was asked for, where one was (RFC 8707). */
  readonly resource: string | undefined;
}

/** A good access token, as a resource server may ask for it. */
export interface UpstreamAccess extends UpstreamGrant {
  /** Absent where the token lasts until it is revoked. */
  readonly expiresAt: EpochSeconds | undefined;
}

/** All tokens of one authorization: they live and die together. */
export interface TokenFamily {
  readonly grant: UpstreamGrant;
  revoked: boolean;
}

interface AccessToken {
  readonly family: TokenFamily;
  readonly expiresAt: EpochSeconds | undefined;
}

interface RefreshToken {
  readonly family: TokenFamily;
  used: boolean;
}

/** The tokens of an authorization server: a refresh token that is used twice ends its whole family (RFC 9700 §4.14.2). */
export class TokenFamilies {
  readonly #access = new Map<string, AccessToken>();
  readonly #refresh = new Map<string, RefreshToken>();

  /** Remembers an access token. */
  addAccess(token: string, family: TokenFamily, expiresAt: EpochSeconds | undefined): void {
    this.#access.set(token, { family, expiresAt });
  }

  /** Remembers a refresh token. */
  addRefresh(token: string, family: TokenFamily): void {
    this.#refresh.set(token, { family, used: false });
  }

  /** What an access token is good for now; `undefined`: for nothing. */
  access(token: string, now: EpochSeconds): UpstreamAccess | undefined {
    const found = this.#access.get(token);
    if (found === undefined || found.family.revoked) return undefined;
    const { family, expiresAt } = found;
    if (expiresAt !== undefined && now >= expiresAt) {
      this.#access.delete(token);
      return undefined;
    }
    return { ...family.grant, expiresAt };
  }

  /** Presents a refresh token of a client; `rotating`: it may never come again. */
  refresh(token: string, clientId: string, rotating: boolean): TokenFamily | undefined {
    const found = this.#refresh.get(token);
    if (found === undefined || found.family.grant.clientId !== clientId) return undefined;
    if (found.used) found.family.revoked = true;
    if (found.family.revoked) return undefined;
    found.used = rotating;
    return found.family;
  }

  /** Ends a token of a client (RFC 7009 §2.1): a refresh token takes its family along. What is not this client's stays as it is. */
  revoke(token: string, clientId: string): void {
    const isOwn = (found: { readonly family: TokenFamily } | undefined) =>
      found?.family.grant.clientId === clientId;
    const refresh = this.#refresh.get(token);
    if (refresh !== undefined && isOwn(refresh)) refresh.family.revoked = true;
    if (isOwn(this.#access.get(token))) this.#access.delete(token);
  }

  /** Every access token is dead from now on, though its announced end may be far; refresh tokens are as before. */
  forgetAccess(): void {
    this.#access.clear();
  }

  /** Every token is dead from now on. */
  forgetAll(): void {
    this.#access.clear();
    this.#refresh.clear();
  }
}
