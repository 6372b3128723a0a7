import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DocumentFailure } from '../../src/application/ports.ts';
import type { ClientMetadataDocument } from '../../src/domain/client-document.ts';
import { clientId } from '../../src/domain/client-registration.ts';
import { type ClientEntry, configuredClient } from '../../src/domain/configured-client.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import {
  aClient,
  aCode,
  exchangeOf,
  openedFlow,
  parameters,
  redirectUri,
  refreshOf,
} from './dance.ts';
import { base, failureIn, valueIn, wired, world } from './wired.ts';

const bases = [base] as const;
const url = 'https://app.example/client.json';
const document: ClientMetadataDocument = {
  clientId: url,
  metadata: {
    redirectUris: ['http://127.0.0.1/callback'],
    tokenEndpointAuthMethod: 'none',
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    clientName: 'App',
    keys: undefined,
  },
  methodsOffered: undefined,
  hasSecret: false,
};
const away: DocumentFailure = { kind: 'unavailable', reason: 'ECONNREFUSED 10.0.0.1' };

function published(changes: Partial<ClientMetadataDocument> = {}) {
  const outside = world();
  outside.sites.documents.set(url, { ...document, ...changes });
  return outside;
}

function configured(id: string, changes: Partial<ClientEntry> = {}) {
  const entry = {
    id,
    name: 'Operator’s',
    redirectUris: [redirectUri],
    method: undefined,
    secretHash: sha256('configured-secret'),
    keys: undefined,
    ...changes,
  };
  return new Map([[id, valueIn(configuredClient(entry))]]);
}

const credentials = [{ id: clientId(url), secret: undefined }];

describe('a client whose id is the URL of its document', () => {
  it('goes the whole way, by the name and the redirect URIs of its document', async () => {
    const outside = published();
    const gateway = wired(outside);
    const client = valueIn(await gateway.authenticate(credentials));

    const screen = await openedFlow(gateway, client);
    const code = await aCode(gateway, outside, client);
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));
    const refreshed = await gateway.refresh(client, refreshOf(tokens.refreshToken));

    assert.equal(screen.flow.request.clientName, 'App');
    assert.equal(screen.flow.request.clientOrigin, 'document');
    assert.ok(refreshed.ok);
    assert.deepEqual(outside.sites.asked, [url]);
  });

  it('leaves nothing in the store', async () => {
    const outside = published();
    const gateway = wired(outside);
    const client = valueIn(await gateway.authenticate(credentials));

    valueIn(await gateway.exchange(client, exchangeOf(await aCode(gateway, outside, client))));

    assert.equal(await outside.store.clients.read(url), undefined);
  });

  it('keeps its grants while its document cannot be fetched', async () => {
    const outside = published();
    const gateway = wired(outside);
    const client = valueIn(await gateway.authenticate(credentials));
    const code = await aCode(gateway, outside, client);
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));
    outside.sites.trouble = away;
    outside.clock.advance(3600);

    const again = valueIn(await gateway.authenticate(credentials));

    assert.ok((await gateway.refresh(again, refreshOf(tokens.refreshToken))).ok);
  });

  it('is asked to come back where its document was never seen, and told nothing of the network', async () => {
    const outside = published();
    outside.sites.trouble = away;

    const refused = failureIn(await wired(outside).authenticate(credentials));

    assert.equal(refused.error, 'temporarily_unavailable');
    assert.equal(refused.retryAfter, 10);
    assert.doesNotMatch(refused.description, /10\.0\.0\.1|ECONN/);
    assert.match(outside.events.of('client_document_failed')[0]?.reason ?? '', /10\.0\.0\.1/);
  });

  it('is refused where its document is not in order', async () => {
    const outside = published({ clientId: 'https://app.example/other.json' });

    const refused = failureIn(await wired(outside).authenticate(credentials));

    assert.equal(refused.error, 'invalid_client');
    assert.match(refused.description, /client_id/);
    assert.equal(outside.events.of('client_refused')[0]?.client, url);
  });

  for (const [kind, trouble, reason] of [
    ['cannot be fetched', away, 'client_unavailable'],
    ['is not there', undefined, 'client_document'],
  ] as const) {
    it(`that ${kind} is told to the user, never to a redirect URI`, async () => {
      const outside = world();
      outside.sites.trouble = trouble;

      const refused = failureIn(await wired(outside).begin(url, parameters(), bases));

      assert.equal(refused.to === 'user' && refused.reason, reason);
      assert.equal(outside.events.of('authorization_refused')[0]?.client, url);
    });
  }

  it('is refused before anything is fetched where the URL is not one for a document', async () => {
    const outside = world();
    const gateway = wired(outside);

    for (const id of ['https://app.example/', `${url}#x`, `https://app.example/a/../b`]) {
      const refused = failureIn(await gateway.begin(id, parameters(), bases));
      assert.equal(refused.to === 'user' && refused.reason, 'client_document', id);
    }
    assert.deepEqual(outside.sites.asked, []);
  });

  it('cannot have its document on the gateway itself', async () => {
    const outside = world();
    const gateway = wired(outside, {
      clients: { documents: { insecure: true, domains: undefined } },
    });

    const refused = failureIn(await gateway.begin(`${base}/authorize`, parameters(), bases));

    assert.match(refused.to === 'user' ? refused.detail : '', /on this gateway/);
    assert.deepEqual(outside.sites.asked, []);
  });

  it('is unknown where the operator wants no such clients', async () => {
    const outside = published();
    const gateway = wired(outside, { clients: { documents: undefined } });

    const refused = failureIn(await gateway.begin(url, parameters(), bases));

    assert.equal(refused.to === 'user' && refused.reason, 'unknown_client');
    assert.deepEqual(outside.sites.asked, []);
  });
});

describe('a client of the configuration', () => {
  it('is known by its secret, and noted nowhere', async () => {
    const outside = world();
    const gateway = wired(outside, { clients: { configured: configured('app') } });
    const id = clientId('app');

    const client = valueIn(await gateway.authenticate([{ id, secret: 'configured-secret' }]));
    const tokens = await gateway.exchange(
      client,
      exchangeOf(await aCode(gateway, outside, client)),
    );

    assert.ok(tokens.ok);
    assert.equal(client.value.origin, 'configured');
    assert.equal(await outside.store.clients.read('app'), undefined);
    assert.ok(!(await gateway.authenticate([{ id, secret: 'another' }])).ok);
  });

  it('comes before a document, and before a client that registered itself', async () => {
    const outside = published();
    const registered = await aClient(wired(outside), outside);
    const clients = new Map([...configured(url), ...configured(registered.value.id)]);
    const gateway = wired(outside, { clients: { configured: clients } });

    for (const id of [url, registered.value.id]) {
      const presented = [{ id: clientId(id), secret: 'configured-secret' }];
      assert.equal(valueIn(await gateway.authenticate(presented)).value.origin, 'configured');
    }
    assert.deepEqual(outside.sites.asked, []);
  });
});
