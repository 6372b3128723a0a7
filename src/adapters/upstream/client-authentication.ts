import { serverName, type Upstream } from '../../domain/upstream-server.ts';
import type { SigningKey } from './signing-key.ts';

/** A token request, ready to be sent. */
export interface AuthenticatedForm {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: URLSearchParams;
}

/** Adds to a token request who the gateway is, by the client's method (RFC 6749 §2.3, RFC 7523 §2.2). `now`: seconds since 1970. */
export async function authenticated(
  { server, client }: Upstream,
  form: Readonly<Record<string, string>>,
  key: SigningKey | undefined,
  now: number,
): Promise<AuthenticatedForm> {
  const { clientId, clientSecret = '', method } = client;
  const body = new URLSearchParams(form);
  if (method === 'client_secret_basic') {
    const credentials = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    return { headers: { authorization }, body };
  }
  body.set('client_id', clientId);
  if (method === 'client_secret_post') body.set('client_secret', clientSecret);
  if (method === 'private_key_jwt' && key !== undefined) {
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    body.set('client_assertion', await key.assertion(clientId, serverName(server), now));
  }
  return { headers: {}, body };
}

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
