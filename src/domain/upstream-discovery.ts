import { failure, type Result, success } from './result.ts';
import type { UpstreamServer } from './upstream-server.ts';

/** The members of protected resource metadata that the gateway reads (RFC 9728 §2). */
export interface ResourceDocument {
  readonly resource: string;
  readonly authorizationServers: readonly string[];
  readonly scopesSupported: readonly string[] | undefined;
}

/** The members of authorization server metadata that the gateway reads (RFC 8414 §2). */
export interface ServerDocument {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly registrationEndpoint: string | undefined;
  readonly revocationEndpoint: string | undefined;
  readonly authMethods: readonly string[] | undefined;
  readonly challengeMethods: readonly string[] | undefined;
  readonly scopesSupported: readonly string[] | undefined;
  readonly issuerInResponse: boolean;
}

/** Where the metadata of a protected resource may be: with its path and query inserted, then at the root (RFC 9728 §3.1, MCP authorization). */
export function resourceMetadataUrls(resource: string): readonly string[] {
  const { origin, pathname, search } = new URL(resource);
  const root = `${origin}/.well-known/oauth-protected-resource`;
  const own = `${pathname.replace(/\/$/, '')}${search}`;
  return own === '' ? [root] : [`${root}${own}`, root];
}

/** Where the metadata of an authorization server may be, in the order of the MCP specification (RFC 8414 §3.1, OpenID Connect Discovery §4). */
export function serverMetadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`;
  const inserted = `${origin}/.well-known/openid-configuration${path}`;
  return path === ''
    ? [oauth, inserted]
    : [oauth, inserted, `${origin}${path}/.well-known/openid-configuration`];
}

/** Whether resource metadata is about this upstream; one trailing slash is forgiven (GitHub's own differs by one). */
export function isAbout(document: ResourceDocument, resource: string): boolean {
  return withoutSlash(document.resource) === withoutSlash(resource);
}

function withoutSlash(url: string): string {
  const { origin, pathname, search } = URL.canParse(url)
    ? new URL(url)
    : { origin: url, pathname: '', search: '' };
  return `${origin}${pathname.replace(/\/$/, '')}${search}`;
}

/**
 * The server that a document describes, if it may be used: it must speak for the issuer that was asked (RFC 8414 §3.3; one trailing
 * slash is forgiven, as Google needs), and offer S256 where it says what it offers.
 */
export function serverOf(
  document: ServerDocument,
  issuer: string,
  resource: ResourceDocument | undefined,
): Result<UpstreamServer, string> {
  if (withoutSlash(document.issuer) !== withoutSlash(issuer)) {
    return failure(`The metadata of ${issuer} names another issuer.`);
  }
  if (document.challengeMethods !== undefined && !document.challengeMethods.includes('S256')) {
    return failure(`The authorization server ${issuer} does not offer PKCE with S256.`);
  }
  const { challengeMethods: _, ...server } = document;
  return success({
    ...server,
    resource: resource?.resource,
    resourceScopes: resource?.scopesSupported,
  });
}
