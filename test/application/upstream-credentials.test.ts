import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discoverUpstream } from '../../src/application/discover-upstream.ts';
import { upstreamCredentials } from '../../src/application/upstream-credentials.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { after, seconds } from '../../src/domain/lifetime.ts';
import type { UpstreamServer } from '../../src/domain/upstream-server.ts';
import { aClient, form, openedFlow } from './dance.ts';
import {
  callback,
  failureIn,
  gatewayKeys,
  settings,
  valueIn,
  type World,
  wired,
  world,
} from './wired.ts';

const unconfigured = { clientId: undefined, clientSecret: undefined };
const documentUrl = 'https://gateway.example/oauth/client-metadata.json';

interface Asking {
  readonly settings?: Partial<UpstreamSettings>;
  readonly keys?: ReturnType<typeof gatewayKeys>;
  readonly documentUrl?: string;
  readonly callbackUrl?: string;
}

function credentials(outside: World, asking: Asking = {}) {
  return upstreamCredentials({
    ports: outside.ports,
    settings: { ...settings, ...unconfigured, ...asking.settings },
    callbackUrl: () => asking.callbackUrl ?? callback,
    documentUrl: () => asking.documentUrl,
    keys: asking.keys ?? gatewayKeys(),
  });
}

async function aServer(
  outside: World,
  changed: Partial<UpstreamServer> = {},
): Promise<UpstreamServer> {
  const { server } = valueIn(await discoverUpstream(outside.ports, settings, undefined));
  return { ...server, ...changed };
}

async function find(outside: World, asking: Asking = {}, changed: Partial<UpstreamServer> = {}) {
  return credentials(outside, asking).find(await aServer(outside, changed));
}

async function reasonOf(...asked: Parameters<typeof find>): Promise<string> {
  const cause = failureIn(await find(...asked));
  assert.ok(cause.kind === 'unusable', JSON.stringify(cause));
  return cause.reason;
}

/** A server that is known by another spelling of its name than before. */
const sameServer: readonly (readonly [string, Partial<UpstreamServer>])[] = [
  ['that has lost a slash', { issuer: 'https://as.upstream.example/' }],
  ['that has come to publish its name', { issuer: undefined }],
];

describe('a configured client', () => {
  const configured = { clientId: 'mine', clientSecret: 'my-secret' };

  it('comes before every other way', async () => {
    const outside = world();

    const client = valueIn(
      await find(outside, { settings: configured, documentUrl }, { acceptsDocuments: true }),
    );

    assert.deepEqual(client, { ...configured, method: 'client_secret_basic' });
    assert.equal(outside.upstream.registrations, 0);
  });

  it('belongs to the server that it was first used at', async () => {
    const outside = world();
    valueIn(await find(outside, { settings: configured }));

    valueIn(await find(outside, { settings: configured }));
    const evil = { issuer: 'https://evil.example' };
    const reason = await reasonOf(outside, { settings: configured }, evil);

    assert.match(reason, /evil\.example, and the configured client belongs to https:\/\/as\.upst/);
    assert.match(reason, /set --upstream-as/);
  });

  for (const [what, before] of sameServer) {
    it(`stays with its server ${what}`, async () => {
      const outside = world();
      valueIn(await find(outside, { settings: configured }, before));

      const client = valueIn(await find(outside, { settings: configured }));

      assert.equal(client.clientId, 'mine');
    });
  }

  it('belongs where the operator says, if the operator does', async () => {
    const outside = world();
    valueIn(await find(outside, { settings: configured }));
    const other = { issuer: 'https://other.example' };

    const byName = { ...configured, issuer: 'https://other.example' };
    valueIn(await find(outside, { settings: byName }, other));
    const byEndpoint = { ...configured, authorizationEndpoint: 'https://other.example/authorize' };
    valueIn(await find(outside, { settings: byEndpoint }, other));
  });

  it('is used where the operator wants it, whatever is known of the place', async () => {
    const notion = { issuer: 'https://api.notion.com', acceptsDocuments: true };
    const slack = { issuer: 'https://slack.com' };
    const found = async (registration: UpstreamSettings['registration'], place: object) =>
      find(world(), { documentUrl, settings: { registration } }, place);

    const usual = valueIn(await found('auto', notion));
    const wanted = valueIn(await found('document', notion));
    const hopeful = valueIn(await found('dynamic', slack));

    assert.match(usual.clientId, /^upstream-client/);
    assert.equal(wanted.clientId, documentUrl);
    assert.match(hopeful.clientId, /^upstream-client/);
    assert.equal(failureIn(await found('auto', slack)).kind, 'unusable');
  });

  it('is never forgotten', async () => {
    const outside = world();

    const forgotten = await credentials(outside, { settings: configured }).forget(
      await aServer(outside),
      'mine',
    );

    assert.equal(forgotten, false);
  });
});

describe('a client document', () => {
  it('is used where the server takes one and can read ours', async () => {
    const outside = world();

    const client = valueIn(await find(outside, { documentUrl }, { acceptsDocuments: true }));

    assert.deepEqual(client, { clientId: documentUrl, clientSecret: undefined, method: 'none' });
    assert.equal(outside.upstream.registrations, 0);
  });

  it('signs where the operator gave a key', async () => {
    const asking = { documentUrl, settings: { publicKey: { kty: 'EC' } } };

    for (const authMethods of [undefined, ['private_key_jwt']]) {
      const client = valueIn(await find(world(), asking, { acceptsDocuments: true, authMethods }));
      assert.equal(client.method, 'private_key_jwt');
    }
  });

  it('goes without the key where the operator wants no authentication', async () => {
    const asking = {
      documentUrl,
      settings: { publicKey: { kty: 'EC' }, authMethod: 'none' },
    } as const;

    const client = valueIn(await find(world(), asking, { acceptsDocuments: true }));

    assert.deepEqual([client.clientId, client.method], [documentUrl, 'none']);
  });

  it('is not used where it could not say what the operator or the server wants of it', async () => {
    const publicKey = { kty: 'EC' };
    for (const [wanted, authMethods] of [
      [{ authMethod: 'client_secret_post' }, undefined],
      [{ publicKey }, ['client_secret_basic']],
    ] as const) {
      const taking = { acceptsDocuments: true, authMethods };
      const client = valueIn(await find(world(), { documentUrl, settings: wanted }, taking));
      assert.match(client.clientId, /^upstream-client/);
    }
    const sure = { publicKey, authMethod: 'private_key_jwt' } as const;
    const taking = { acceptsDocuments: true, authMethods: ['client_secret_basic'] };
    const client = valueIn(await find(world(), { documentUrl, settings: sure }, taking));
    assert.deepEqual([client.clientId, client.method], [documentUrl, 'private_key_jwt']);
  });

  it('is not used where no server could read it, or where the operator wants another way', async () => {
    const outside = world();

    const hidden = valueIn(await find(outside, {}, { acceptsDocuments: true }));
    const inside = { documentUrl: 'https://gateway.corp.internal/oauth/client-metadata.json' };
    const within = valueIn(await find(outside, inside, { acceptsDocuments: true }));
    const dynamic = { documentUrl, settings: { registration: 'dynamic' } } as const;
    const unwanted = valueIn(await find(outside, dynamic, { acceptsDocuments: true }));

    assert.match(hidden.clientId, /^upstream-client/);
    assert.match(within.clientId, /^upstream-client/);
    assert.match(unwanted.clientId, /^upstream-client/);
  });

  it('is used where the operator wants it, though the server says nothing of documents', async () => {
    const asking = { documentUrl, settings: { registration: 'document' } } as const;

    assert.equal(valueIn(await find(world(), asking)).clientId, documentUrl);
    const inside = { ...asking, documentUrl: 'https://gateway.corp.internal/document.json' };
    assert.equal(valueIn(await find(world(), inside)).clientId, inside.documentUrl);
  });

  it('is never forgotten', async () => {
    const outside = world();
    const server = await aServer(outside);

    assert.equal(await credentials(outside, { documentUrl }).forget(server, documentUrl), false);
  });
});

describe('a registration', () => {
  it('says who the gateway is, and is told', async () => {
    const outside = world();

    const client = valueIn(await find(outside));

    assert.deepEqual(outside.upstream.registrationRequests, [
      {
        clientName: 'Gateway',
        redirectUri: callback,
        method: 'client_secret_basic',
        scope: 'read write',
        publicKey: undefined,
      },
    ]);
    const [event] = outside.events.of('upstream_registered');
    assert.equal(event?.issuer, outside.upstream.issuer);
    assert.equal(event?.client, client.clientId);
  });

  it('asks for the operator’s scope where there is one', async () => {
    const outside = world();

    valueIn(await find(outside, { settings: { scope: 'read' } }));
    const nothing = { resourceScopes: undefined, scopesSupported: undefined };
    valueIn(await find(outside, {}, { ...nothing, issuer: 'https://b.example' }));

    assert.deepEqual(
      outside.upstream.registrationRequests.map(({ scope }) => scope),
      ['read', undefined],
    );
  });

  it('asks for what the resource needs alone where more is refused', async () => {
    const outside = world();
    const register = outside.upstream.register.bind(outside.upstream);
    const asked: (string | undefined)[] = [];
    outside.upstream.register = async (endpoint, request) => {
      asked.push(request.scope);
      return request.scope?.includes('admin')
        ? { ok: false, failure: { kind: 'unusable', reason: 'Not admin.' } }
        : register(endpoint, request);
    };
    const wide = { scopesSupported: ['read', 'write', 'admin'] };

    valueIn(await find(outside, {}, wide));
    const own = { settings: { scope: 'admin' } };
    const refused = await find(outside, own, { ...wide, issuer: 'https://b.example' });

    assert.deepEqual(asked, ['read write admin', 'read write', 'admin']);
    assert.equal(refused.ok, false);
  });

  it('asks for all that may be asked for later, else at least for what the resource needs', async () => {
    const outside = world();
    const scopes = (length: number, letter: string) => Array.from({ length }, (_, n) => letter + n);

    valueIn(
      await find(outside, {}, { challengeScopes: ['run'], scopesSupported: ['openid', 'read'] }),
    );
    const far = { resourceScopes: scopes(300, 'need'), scopesSupported: scopes(300, 'other') };
    valueIn(await find(outside, {}, { ...far, issuer: 'https://b.example' }));

    const [wide, measured] = outside.upstream.registrationRequests.map(({ scope }) => scope);
    assert.equal(wide, 'run read write openid');
    assert.equal(measured, far.resourceScopes.join(' '));
  });

  for (const [what, before] of sameServer) {
    it(`stays with its server ${what}, and is forgotten there`, async () => {
      const outside = world();
      const first = valueIn(await find(outside, {}, before));

      assert.deepEqual(valueIn(await find(outside)), first);
      const forgotten = credentials(outside).forget(await aServer(outside), first.clientId);
      assert.equal(await forgotten, true);
      assert.notEqual(valueIn(await find(outside)).clientId, first.clientId);
    });
  }

  it('is kept, and its secret sealed', async () => {
    const outside = world();
    const client = valueIn(await find(outside));
    const records = outside.store.registrations;
    const kept: string[] = [];
    const reading = {
      ...records,
      read: async (key: string) => {
        const stored = await records.read(key);
        kept.push(JSON.stringify(stored));
        return stored;
      },
    };
    const store = { ...outside.store, registrations: reading };

    const again = await find({ ...outside, ports: { ...outside.ports, store } });

    assert.deepEqual(valueIn(again), client);
    assert.equal(outside.upstream.registrations, 1);
    assert.ok(client.clientSecret && kept[0]?.includes(client.clientId));
    assert.ok(!kept[0]?.includes(client.clientSecret));
  });

  it('is read under a previous gateway key, and made anew under a strange one', async () => {
    const outside = world();
    const client = valueIn(await find(outside));

    const rotated = await find(outside, { keys: gatewayKeys('another key', 'gateway key') });
    assert.deepEqual(valueIn(rotated), client);
    const later = await find(outside, { keys: gatewayKeys('another key') });
    assert.deepEqual(valueIn(later), client, 'it was sealed anew');

    const strange = { keys: gatewayKeys('strange key') };
    const anew = valueIn(await find(outside, strange));
    assert.notEqual(anew.clientId, client.clientId);
    assert.deepEqual(valueIn(await find(outside, strange)), anew);
  });

  it('is shared by two processes that register at once, if both can read it', async () => {
    const outside = world();

    const [one, other] = await Promise.all([find(outside), find(outside)]);
    const apart = world();
    const [mine, theirs] = await Promise.all([
      find(apart),
      find(apart, { keys: gatewayKeys('strange key') }),
    ]);

    assert.deepEqual(valueIn(one), valueIn(other));
    assert.notEqual(valueIn(mine).clientId, valueIn(theirs).clientId);
  });

  it('is another at another server', async () => {
    const outside = world();

    valueIn(await find(outside));
    valueIn(await find(outside, {}, { issuer: 'https://b.example' }));
    valueIn(await find(outside, {}, { issuer: undefined }));

    assert.equal(outside.upstream.registrations, 3);
  });

  it('is another for another callback, and stays what it is for the first', async () => {
    const outside = world();
    const callbackUrl = 'https://gateway.example/upstream/callback';
    const first = valueIn(await find(outside));

    const other = valueIn(await find(outside, { callbackUrl }));

    assert.notEqual(other.clientId, first.clientId);
    assert.deepEqual(valueIn(await find(outside)), first);
    assert.deepEqual(valueIn(await find(outside, { callbackUrl })), other);
  });

  it('stays what it is under another name, for other scopes, and in another spelling of its secret: the grants made by it live', async () => {
    const outside = world();
    const client = valueIn(await find(outside));

    const renamed = valueIn(await find(outside, { settings: { clientName: 'Another' } }));
    const wider = valueIn(await find(outside, { settings: { scope: 'read write' } }));
    const authMethod = 'client_secret_post';
    const spelled = valueIn(await find(outside, { settings: { authMethod } }));

    assert.deepEqual([renamed, wider], [client, client]);
    assert.deepEqual(spelled, { ...client, method: authMethod });
    assert.equal(outside.upstream.registrations, 1);
  });

  it('is made anew, once, for a way to say who the gateway is that it cannot do', async () => {
    const outside = world();
    const settings = { authMethod: 'none' } as const;
    const client = valueIn(await find(outside));

    const anew = valueIn(await find(outside, { settings }));
    valueIn(await find(outside, { settings }));

    assert.notEqual(anew.clientId, client.clientId);
    assert.equal(anew.method, 'none');
    assert.equal(outside.upstream.registrations, 2);
  });

  it('is for a public client where the server knows no other', async () => {
    const outside = world();
    const listed = { authMethods: ['none'] };

    const client = valueIn(await find(outside, {}, listed));

    assert.deepEqual([client.method, client.clientSecret], ['none', undefined]);
    assert.deepEqual(valueIn(await find(outside, {}, listed)), client);
  });

  it('is made with the operator’s key where the server takes one', async () => {
    const outside = world();
    const publicKey = { kty: 'EC' };
    const listed = { authMethods: ['private_key_jwt', 'none'] };

    const client = valueIn(await find(outside, { settings: { publicKey } }, listed));

    assert.equal(client.method, 'private_key_jwt');
    assert.equal(outside.upstream.registrationRequests[0]?.publicKey, publicKey);
  });

  it('counts as it was answered, not as it was asked for', async () => {
    const outside = world();
    const answer = {
      clientId: 'figma',
      clientSecret: 'unasked',
      method: 'none',
      secretExpiresAt: undefined,
    };
    outside.upstream.register = async () => ({ ok: true, value: answer });

    const client = valueIn(
      await find(outside, {}, { authMethods: ['none', 'client_secret_post'] }),
    );

    assert.deepEqual(client, {
      clientId: 'figma',
      clientSecret: 'unasked',
      method: 'client_secret_post',
    });
  });

  it('ends when its secret does, also where it was sealed anew', async () => {
    const outside = world();
    const { upstream, clock } = outside;
    const register = upstream.register.bind(upstream);
    upstream.register = async (...asked) => {
      const value = valueIn(await register(...asked));
      return { ok: true, value: { ...value, secretExpiresAt: after(clock.now(), seconds(600)) } };
    };
    const keys = gatewayKeys('another key', 'gateway key');
    const before = valueIn(await find(outside));
    assert.deepEqual(valueIn(await find(outside, { keys })), before);

    clock.advance(600);

    assert.notEqual(valueIn(await find(outside, { keys })).clientId, before.clientId);
  });

  it('is made anew when its secret has ended', async () => {
    const outside = world();
    const { upstream, clock } = outside;
    const register = upstream.register.bind(upstream);
    upstream.register = async (...asked) => {
      const value = valueIn(await register(...asked));
      return { ok: true, value: { ...value, secretExpiresAt: after(clock.now(), seconds(600)) } };
    };
    const before = valueIn(await find(outside));

    clock.advance(600);

    assert.notEqual(valueIn(await find(outside)).clientId, before.clientId);
  });

  it('is made anew once it was forgotten, by whoever was first', async () => {
    const outside = world();
    const server = await aServer(outside);
    const known = credentials(outside);
    const before = valueIn(await known.find(server));

    assert.equal(await known.forget(server, before.clientId), true);
    const anew = valueIn(await known.find(server));
    assert.equal(await known.forget(server, before.clientId), true);

    assert.notEqual(anew.clientId, before.clientId);
    assert.deepEqual(valueIn(await known.find(server)), anew);
  });

  it('can be tried again later where the server cannot be reached', async () => {
    const outside = world();
    const server = await aServer(outside);
    outside.upstream.goDown();

    assert.equal(failureIn(await credentials(outside).find(server)).kind, 'unavailable');
  });

  it('is refused with what a person can do about it', async () => {
    const outside = world();
    const cause = { kind: 'unusable', reason: 'The upstream refused.' } as const;
    outside.upstream.register = async () => ({ ok: false, failure: cause });

    assert.equal(await reasonOf(outside), 'The upstream refused.');
    assert.match(
      await reasonOf(outside, {}, { issuer: 'https://www.figma.com' }),
      /refused\. Figma registers only clients whose name is on its list/,
    );
  });
});

describe('a client to be registered by hand', () => {
  it('is asked for on a page of its own, and the client hears of it when the user goes back', async () => {
    const outside = world();
    const [[url, document] = []] = outside.upstream.serverDocuments;
    assert.ok(url && document, 'the fake publishes a document');
    outside.upstream.serverDocuments.set(url, { ...document, registrationEndpoint: undefined });
    const gateway = wired(outside, { settings: unconfigured });
    const screen = await openedFlow(gateway, await aClient(gateway, outside));

    const outcome = valueIn(await gateway.submitSignIn(form(screen)));

    assert.ok(outcome.type === 'by_hand', outcome.type);
    assert.ok(outcome.error.description.includes(callback), outcome.error.description);
  });

  it('is asked for in one sentence, with the callback URL and what is known of the place', async () => {
    const none = { registrationEndpoint: undefined };

    const plain = await reasonOf(world(), {}, none);
    const github = await reasonOf(
      world(),
      {},
      { ...none, issuer: 'https://github.com/login/oauth' },
    );

    assert.ok(plain.includes(callback) && plain.includes('--upstream-client-id'));
    assert.match(github, /github\.com\/settings\/developers/);
  });

  it('is asked for where it is known that nothing else works', async () => {
    const outside = world();

    await reasonOf(outside, {}, { issuer: 'https://slack.com' });

    assert.equal(outside.upstream.registrations, 0);
  });
});
