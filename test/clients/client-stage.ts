import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { httpClientDocuments } from '../../src/adapters/clients/http-client-documents.ts';
import { startLoopbackServer } from '../../src/adapters/testing/loopback-server.ts';
import type { ClientDocuments } from '../../src/application/ports.ts';
import { type Stage, startStage } from '../gateway/fake-stage.ts';
import type { ClientShape } from './client-shapes.ts';

/** The secret of a client that the operator let in. */
export const configuredSecret = 'a-secret-of-the-operator-32-bytes-long';

/** Slow to make, and the same will do for all. */
const keyPair = generateKeyPair('RS256');

/** A gateway for one client, with the sites that the client publishes at. */
export interface ClientStage extends Stage {
  /** An assertion of the client, as RFC 7523 §3 wants it. */
  sign(clientId: string): Promise<string>;
}

/** Starts it; everything ends with the test. */
export async function startClientStage(
  test: Pick<TestContext, 'after'>,
  shape: ClientShape,
): Promise<ClientStage> {
  const { privateKey, publicKey } = await keyPair;
  const jwk = { ...(await exportJWK(publicKey)), kid: 'cimd-20260428', use: 'sig', alg: 'RS256' };
  const site = await startLoopbackServer((request, response) => {
    const isKeys = request.url?.endsWith('jwks.json');
    response.setHeader('content-type', 'application/json');
    response.setHeader('cache-control', 'public, max-age=3600');
    const published = isKeys ? { keys: [jwk] } : { client_id: shape.document, ...shape.metadata };
    response.end(JSON.stringify(published));
  });
  test.after(site.close);
  const stage = await startStage(
    test as TestContext,
    shape.by === 'configuration' ? { clientsFile: clientsFile(test, shape) } : {},
    {},
    { clientDocuments: documentsAt(site.origin) },
  );
  const sign = (clientId: string): Promise<string> =>
    new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'RS256', kid: jwk.kid, typ: 'JWT' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(`${stage.base}/token`)
      .setIssuedAt(stage.clock.now())
      .setExpirationTime(stage.clock.now() + 300)
      .sign(privateKey);
  return { ...stage, sign };
}

/** The real fetcher, to which every site is on this machine: the names of clients are not ours to ask in a test. */
function documentsAt(origin: string): ClientDocuments {
  const real = httpClientDocuments({ insecure: true, userAgent: 'test' });
  const here = (url: string): string => `${origin}${new URL(url).pathname}`;
  return { metadata: (url) => real.metadata(here(url)), keys: (url) => real.keys(here(url)) };
}

/** What the operator writes down for a client that was told its id by hand, and its secret where it has one. */
function clientsFile(test: Pick<TestContext, 'after'>, { metadata, method }: ClientShape): string {
  const place = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-clients-'));
  test.after(() => rmSync(place, { recursive: true, force: true }));
  const file = join(place, 'clients.json');
  const hash = createHash('sha256').update(configuredSecret).digest('hex');
  const secret = method === 'none' ? {} : { client_secret_hash: `sha256:${hash}` };
  const client = { client_id: 'typed-by-hand', ...secret, ...metadata };
  writeFileSync(file, JSON.stringify({ clients: [client] }));
  return file;
}
