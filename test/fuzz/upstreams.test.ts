import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Answer } from '../../src/adapters/upstream/http-call.ts';
import {
  registrationAnswer,
  resourceDocument,
  serverDocument,
} from '../../src/adapters/upstream/metadata-documents.ts';
import { judgeTokenResponse } from '../../src/adapters/upstream/token-response.ts';
import { readBearerChallenge } from '../../src/domain/bearer-challenge.ts';
import { farFuture } from '../../src/domain/lifetime.ts';
import { outboundFault } from '../../src/domain/outbound-rule.ts';
import { isAbout, readProbe, serverOf } from '../../src/domain/upstream-discovery.ts';
import { excerpt, reasonOf, refusal } from '../../src/domain/upstream-tokens.ts';
import { anyText } from '../domain/any-text.ts';
import { member, plain, readAtLength, secret, webUrl } from './strange-input.ts';

// What comes from outside, made by the grammar that its parser reads, and then by one that almost is that.

describe('what an upstream says of itself', () => {
  const rule = { loopback: false, plainHttp: false };
  const server = fc.record(
    {
      issuer: member(webUrl),
      authorization_endpoint: member(webUrl),
      token_endpoint: member(webUrl),
      registration_endpoint: member(webUrl),
      revocation_endpoint: member(webUrl),
      token_endpoint_auth_methods_supported: member(fc.array(fc.string())),
      code_challenge_methods_supported: member(fc.constant(['S256'])),
      scopes_supported: member(fc.array(anyText)),
      authorization_response_iss_parameter_supported: member(fc.boolean()),
    },
    { requiredKeys: ['issuer'] },
  );

  it('is a server whose every endpoint may be asked, or a sentence', () => {
    fc.assert(
      fc.property(server, (json) => {
        const read = serverDocument.safeParse(json);
        if (!read.success) return;
        const { issuer } = read.data;
        const judged = serverOf(read.data, { issuer, rule, preset: undefined });
        if (!judged.ok) return void assert.equal(typeof judged.failure, 'string');
        const { authorizationEndpoint, tokenEndpoint, registrationEndpoint, revocationEndpoint } =
          judged.value;
        const endpoints = [
          authorizationEndpoint,
          tokenEndpoint,
          registrationEndpoint,
          revocationEndpoint,
        ];
        for (const url of endpoints) {
          assert.equal(url && outboundFault(url, rule), undefined, url);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('is a resource, or nothing, and so is a challenge', () => {
    const resource = fc.record(
      {
        resource: member(webUrl),
        authorization_servers: member(fc.array(webUrl)),
        scopes_supported: member(fc.array(anyText)),
        resource_documentation: member(webUrl),
        resource_policy_uri: member(anyText),
      },
      { requiredKeys: [] },
    );
    const own = 'https://mcp.example/mcp';
    fc.assert(
      fc.property(resource, anyText, (json, text) => {
        const { data } = resourceDocument.safeParse(json);
        for (const link of [data?.documentation, data?.policy, data?.termsOfService]) {
          assert.match(link ?? 'https:', /^https?:/i);
        }
        if (data !== undefined) isAbout(data, own);
        const challenge = `Bearer resource_metadata="${text}", scope="${text}"`;
        const { metadataUrl = own } = readProbe({ status: 401, challenge }, own, rule);
        const isOwn = new URL(metadataUrl).origin === new URL(own).origin;
        assert.equal(isOwn ? undefined : outboundFault(metadataUrl, rule), undefined, metadataUrl);
      }),
    );
  });

  it('at a registration is a client id, and an end that a store can count up to', () => {
    const answer = fc.record(
      {
        client_id: member(fc.string({ minLength: 1 })),
        client_secret: member(secret),
        token_endpoint_auth_method: member(fc.string()),
        client_secret_expires_at: member(fc.oneof(fc.double(), fc.integer(), fc.constant(1e300))),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(answer, (json) => {
        const { data } = registrationAnswer.safeParse(JSON.parse(JSON.stringify(json)));
        if (data === undefined) return;
        assert.notEqual(data.clientId, '');
        const { secretExpiresAt = farFuture } = data;
        assert.equal(Number.isInteger(secretExpiresAt) && secretExpiresAt <= farFuture, true);
      }),
      { numRuns: 400 },
    );
  });

  it('takes no time to be put into words for the log', () => {
    const words = (text: string) => {
      reasonOf({ kind: 'unusable', reason: text });
      reasonOf(refusal(text, text));
      excerpt(text);
    };
    readAtLength(1_000_000, words, ['http://', 'https://a?', '<title', '\n ']);
  });

  it('in an address’s query stays out of the log', () => {
    fc.assert(
      fc.property(fc.webUrl(), secret, anyText, (url, key, words) => {
        const reason = `${words} ${url}?key=${key} and ${url}?a=${key}`;
        assert.doesNotMatch(reasonOf({ kind: 'unusable', reason }), /\?(key|a)=s3cr3t/);
        // Addresses without one stand as they are.
        assert.equal(reasonOf({ kind: 'unusable', reason: `see ${url} now` }), `see ${url} now`);
      }),
    );
  });
});

describe('an answer of a token endpoint', () => {
  const answer = (text: string, contentType: string, status: number): Answer => ({
    status,
    contentType,
    challenge: undefined,
    location: undefined,
    retryAfter: undefined,
    freshFor: undefined,
    text,
  });
  const tokens = fc.record(
    {
      access_token: member(secret),
      refresh_token: member(secret),
      token_type: member(fc.constantFrom('Bearer', 'bearer', 'BEARER', 'mac')),
      expires_in: member(fc.oneof(fc.double(), fc.integer(), fc.integer().map(String))),
      scope: member(fc.constantFrom('a b', 'a,b', 'a')),
      error: fc.oneof(
        { weight: 5, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: anyText },
      ),
      error_description: member(anyText),
    },
    { requiredKeys: [] },
  );
  const spelled = fc.constantFrom(
    (json: object): [string, string] => [JSON.stringify(json), 'application/json'],
    (json: object): [string, string] => [
      `Warning: x in /y.php ${JSON.stringify(json)}`,
      'text/html',
    ],
    (json: object): [string, string] => [JSON.stringify(json), 'text/plain'],
    (json: object): [string, string] => [
      String(
        new URLSearchParams(
          Object.entries(json).map(([name, value]): [string, string] => [name, plain(value)]),
        ),
      ),
      'application/x-www-form-urlencoded',
    ],
    (json: object): [string, string] => [JSON.stringify(json).slice(0, -3), 'application/json'],
  );

  it('is tokens that a header can carry and lives that mean something, or a failure that tells no token', () => {
    fc.assert(
      fc.property(
        tokens,
        spelled,
        fc.constantFrom(200, 200, 201, 400, 302),
        (json, spell, status) => {
          const [text, type] = spell(json);
          const judged = judgeTokenResponse(answer(text, type, status), ['bearer']);
          if (judged.ok) {
            const { access, refresh = 'x', expiresIn = 0 } = judged.value;
            for (const token of [access, refresh]) assert.match(token, /^[\x21-\x7e]+$/);
            assert.equal(Number.isFinite(expiresIn), true);
            return;
          }
          const isSuccess =
            status < 300 && typeof json.error_description !== 'string' && json.error === undefined;
          if (isSuccess) assert.doesNotMatch(reasonOf(judged.failure), /s3cr3t/);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('gives back what a server in good order wrote, in either spelling', () => {
    const good = fc.record({
      access_token: secret,
      refresh_token: secret,
      token_type: fc.constantFrom('Bearer', 'bearer'),
      expires_in: fc.integer({ min: 1, max: 1e9 }),
      scope: fc.constantFrom('a b', 'a'),
    });
    fc.assert(
      fc.property(good, fc.boolean(), (json, asForm) => {
        const entries = Object.entries(json).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]);
        const [text, type] = asForm
          ? [
              String(new URLSearchParams(entries)),
              'application/x-www-form-urlencoded; charset=utf-8',
            ]
          : [JSON.stringify(json), 'application/json;charset=UTF-8'];
        const judged = judgeTokenResponse(answer(text, type, 200), ['bearer']);

        assert.deepEqual(judged.ok && judged.value, {
          access: json.access_token,
          refresh: json.refresh_token,
          expiresIn: json.expires_in,
          scope: json.scope,
        });
      }),
    );
  });
});

describe('a challenge', () => {
  it('takes no time to be read, whatever it is made of', () => {
    const read = (text: string) => readBearerChallenge(`Bearer ${text}`);
    readAtLength(1_000_000, read, [', Bearer ', 'a="b", ']);
  });
});
