import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noStepUp, scopeToAsk, scopeTokens, type UpstreamScopes } from '../../src/domain/scope.ts';

const tokens: readonly (readonly [string, string | undefined, readonly string[]])[] = [
  ['none', undefined, []],
  ['an empty one', '', []],
  ['only spaces', '   ', []],
  ['several', 'repo read:org', ['repo', 'read:org']],
  ['superfluous spaces', '  repo   gist ', ['repo', 'gist']],
  ['repeated ones', 'repo gist repo', ['repo', 'gist']],
  ['URLs', 'https://www.example.com/auth/a', ['https://www.example.com/auth/a']],
  ['ones with a quote, a backslash, a tab or letters beyond ASCII', 'a"b c\\d e\tf é g', ['g']],
];
for (const [what, scope, expected] of tokens) {
  test(`a scope is read: ${what}`, () => {
    assert.deepEqual(scopeTokens(scope), expected);
  });
}

const unknown: UpstreamScopes = {
  configured: undefined,
  supported: undefined,
  demanded: undefined,
  elsewhere: [],
  stepUp: noStepUp,
};
const listed = { ...unknown, supported: ['repo', 'gist'], demanded: ['repo'] };
const claims = { ...unknown, supported: ['openid', 'email'] };
const choices: readonly (readonly [
  string,
  string | undefined,
  UpstreamScopes,
  string | undefined,
])[] = [
  ['nothing where nothing is known or requested', undefined, unknown, undefined],
  ['what the client requests, where nothing is known', 'repo openid', unknown, 'repo openid'],
  ['what the operator set, whatever the client requests', 'x', { ...listed, configured: 'a' }, 'a'],
  ['what the resource demands, where the client requests nothing', undefined, listed, 'repo'],
  ['what the resource demands, where the request is empty', '', listed, 'repo'],
  ['what the client requests of the supported ones', 'gist', listed, 'gist'],
  ['nothing of OpenID Connect that is not listed', 'openid gist offline_access', listed, 'gist'],
  ['nothing that is listed nowhere', 'admin gist', listed, 'gist'],
  [
    'what is named elsewhere, by a challenge',
    'admin x gist',
    { ...listed, elsewhere: ['admin'] },
    'admin gist',
  ],
  ['what only the resource lists', 'repo x', { ...unknown, elsewhere: ['repo'] }, 'repo'],
  [
    'nothing of OpenID Connect where others are named',
    'openid',
    { ...unknown, elsewhere: ['repo'] },
    undefined,
  ],
  [
    'what nobody can know where only claims are listed',
    'api://x/read profile',
    claims,
    'api://x/read',
  ],
  ['no offline_access where it is not known to be listed', 'repo offline_access', unknown, 'repo'],
  [
    'offline_access where it is listed',
    'gist',
    { ...listed, supported: ['gist', 'offline_access'] },
    'gist offline_access',
  ],
  [
    'offline_access once',
    'offline_access gist',
    { ...listed, supported: ['gist', 'offline_access'] },
    'offline_access gist',
  ],
  [
    'nothing, where offline_access would be all',
    undefined,
    { ...unknown, supported: ['offline_access'] },
    undefined,
  ],
  ['what the resource demands, where all is unknown', 'openid', listed, 'repo'],
  [
    'nothing, where all is unknown and nothing is demanded',
    'openid',
    { ...unknown, supported: [] },
    undefined,
  ],
  ['nothing, where nothing is demanded', undefined, { ...unknown, demanded: [] }, undefined],
];
for (const [what, requested, upstream, asked] of choices) {
  test(`the upstream is asked for ${what}`, () => {
    assert.equal(scopeToAsk(requested, upstream), asked);
  });
}

const steppedUp = {
  ...listed,
  stepUp: { named: ['admin', 'other'], demanded: ['admin'], granted: ['old', 'gist'] },
};
const afterDemands: typeof choices = [
  ['what was granted, and what is missing', 'admin', steppedUp, 'old gist admin'],
  ['each scope once', 'gist admin', steppedUp, 'old gist admin'],
  ['what another user of the client met, if it asks for it', 'other', steppedUp, 'old gist other'],
  ['all of it, where the client leaves it to us', undefined, steppedUp, 'old gist repo admin'],
  ['all of it, where the client names nothing known', 'x', steppedUp, 'old gist repo admin'],
  ['what the client requests, where it is something else', 'repo', steppedUp, 'repo'],
  ['what the operator set', 'admin', { ...steppedUp, configured: 'a' }, 'a'],
];
for (const [what, requested, known, expected] of afterDemands) {
  test(`after a demand for more scope the upstream is asked for ${what}`, () => {
    assert.equal(scopeToAsk(requested, known), expected);
  });
}
