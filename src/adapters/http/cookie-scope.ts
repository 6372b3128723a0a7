import { pathPrefix } from '../../domain/gateway-address.ts';

/** Where the cookies of a gateway under this URL go: below its path, if it has one, and nowhere else on the host. */
export function cookiePath(canonical: string): string {
  return pathPrefix(canonical) || '/';
}

/**
 * What their names begin with. `__Host-`: no other host under the same domain can plant one (RFC 6265bis §4.1.3.2); it is only for cookies of
 * the whole host, so that below a path `__Secure-` has to do.
 */
export function cookieNamePrefix(canonical: string): string {
  if (!canonical.startsWith('https:')) return '';
  return pathPrefix(canonical) === '' ? '__Host-' : '__Secure-';
}
