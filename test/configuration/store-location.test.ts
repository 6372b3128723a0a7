import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import {
  ConfigurationError,
  parseConfiguration,
} from '../../src/adapters/configuration/gateway-configuration.ts';
import { type RedisLocation, redisLocation } from '../../src/adapters/configuration/redis-url.ts';
import {
  describeStore,
  storeFault,
  storeLocation,
} from '../../src/adapters/configuration/store-location.ts';

const options = { upstreamRs: 'https://mcp.example.com/mcp', password: 'own' };

/** The sentences about a configuration. */
function faultsOf(more: Record<string, unknown>): string[] {
  try {
    parseConfiguration({ ...options, ...more });
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.faults.map(({ setting, message }) => `${setting}: ${message}`);
  }
  return [];
}

describe('the place of the store', () => {
  const places: [string, string, Record<string, string>, string][] = [
    [
      'the state folder of the user',
      'disk',
      { XDG_STATE_HOME: '/var/state' },
      '/var/state/mcp-oauth-gateway/store.mdb',
    ],
    [
      'the usual state folder without one',
      'disk',
      {},
      join(homedir(), '.local/state/mcp-oauth-gateway/store.mdb'),
    ],
    [
      'the usual one instead of a relative one, which the specification does not allow',
      'disk',
      { XDG_STATE_HOME: 'state' },
      join(homedir(), '.local/state/mcp-oauth-gateway/store.mdb'),
    ],
    ['a path', '/data/gateway.mdb', {}, '/data/gateway.mdb'],
    ['a path from here', './gateway.mdb', {}, resolve('gateway.mdb')],
    ['the name of a file', 'gateway.mdb', {}, resolve('gateway.mdb')],
    ['a path from home that no shell has replaced', '~/g.mdb', {}, join(homedir(), 'g.mdb')],
  ];
  for (const [what, text, environment, path] of places) {
    it(`can be ${what}`, () => {
      assert.equal(storeFault(text, ''), undefined);
      assert.deepEqual(storeLocation(text, environment), { type: 'disk', path });
    });
  }

  it('can be memory', () => {
    assert.deepEqual(storeLocation('memory', {}), { type: 'memory' });
  });

  it('is refused where it is a slip', () => {
    for (const slip of ['dsik', 'Memory', 'redis', 'localhost:6379', 'http://localhost/x.mdb']) {
      assert.match(faultsOf({ store: slip })[0] ?? '', /^store: ".*" is not a store; give memory,/);
    }
  });

  it('is shown without what opens it', () => {
    const url = 'redis://user:secret@redis.example/2';

    assert.equal(describeStore(url, {}), 'redis://…@redis.example/2');
    assert.doesNotMatch(faultsOf({ store: 'http://user:secret@a/' }).join(), /secret/);
    assert.doesNotMatch(faultsOf({ store: 'redis://user:secret@a/x' }).join(), /secret/);
  });
});

describe('the URL of a Redis', () => {
  const host = (name: string, port = 6379) => ({ host: name, port });
  const usual: RedisLocation = {
    topology: 'single',
    hosts: [host('r')],
    tls: false,
    username: undefined,
    password: undefined,
    database: 0,
    service: undefined,
    prefix: 'mcp-oauth-gateway:',
  };
  const urls: [string, Partial<RedisLocation>][] = [
    ['redis://r', {}],
    ['redis://r/', {}],
    ['valkey://r:7000/3', { hosts: [host('r', 7000)], database: 3 }],
    ['rediss://r', { tls: true }],
    ['valkeys://r', { tls: true }],
    ['redis://[::1]:7000', { hosts: [host('::1', 7000)] }],
    ['redis://u:p%40ss:w@r', { username: 'u', password: 'p@ss:w' }],
    ['redis://:100%@r', { password: '100%' }],
    ['redis://r?prefix=door:', { prefix: 'door:' }],
    ['redis+unix:///run/r.sock', { hosts: [{ path: '/run/r.sock' }] }],
    ['redis+unix:///run/r.sock?db=2', { hosts: [{ path: '/run/r.sock' }], database: 2 }],
    ['redis+cluster://a,b:7001', { topology: 'cluster', hosts: [host('a'), host('b', 7001)] }],
    ['rediss+cluster://a', { topology: 'cluster', hosts: [host('a')], tls: true }],
    [
      'redis+sentinel://u:p@a,b/1?name=main',
      {
        topology: 'sentinel',
        hosts: [host('a', 26_379), host('b', 26_379)],
        username: 'u',
        password: 'p',
        database: 1,
        service: 'main',
      },
    ],
  ];
  for (const [url, parts] of urls) {
    it(`is read: ${url}`, () => {
      assert.deepEqual(redisLocation(url), { ...usual, ...parts });
    });
  }

  const faults: [string, RegExp][] = [
    ['redis://', /names no host/],
    ['redis://r:99999', /a port that is none/],
    ['redis://r/main', /The database of a Redis is a number/],
    ['redis://a,b', /Several hosts are a cluster or sentinels/],
    ['redis+cluster://a/1', /A cluster has no databases/],
    ['redis+sentinel://a', /add \?name=SERVICE/],
    ['redis+unix://', /names no host or socket/],
    ['redis+nonsense://a', /the forms are redis:/],
    ['redis://r?tls=1', /has no parameter tls/],
  ];
  for (const [url, sentence] of faults) {
    it(`is refused: ${url}`, () => {
      assert.match(faultsOf({ store: url, keyFile: '/k' })[0] ?? '', sentence);
    });
  }
});

describe('the store among the other settings', () => {
  it('needs a key file where it is Redis, and can do without elsewhere', () => {
    assert.match(faultsOf({ store: 'redis://r' })[0] ?? '', /^keyFile: .*needs the same key/);
    assert.deepEqual(faultsOf({ store: 'redis://r', keyFile: '/k' }), []);
    assert.deepEqual(faultsOf({ store: 'disk' }), []);
  });

  it('cannot be memory for several workers', () => {
    assert.match(faultsOf({ workers: 2 })[0] ?? '', /^workers: .*cannot share a store in memory/);
    assert.deepEqual(faultsOf({ workers: 2, store: 'disk' }), []);
  });

  it('has no metrics that one of several workers counts', () => {
    const metricsAddress = '127.0.0.1:9464';
    const [fault = ''] = faultsOf({ workers: 2, store: 'disk', metricsAddress });

    assert.match(fault, /^metricsAddress: .*one of 2 by chance/);
    assert.deepEqual(faultsOf({ workers: 1, store: 'disk', metricsAddress }), []);
  });
});
