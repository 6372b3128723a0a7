import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type {
  UpstreamAuthorizationServer,
  UpstreamRegistrationRequest,
} from '../../application/ports.ts';
import { seconds } from '../../domain/lifetime.ts';
import { codeChallengeOf } from '../../domain/pkce.ts';
import type { Result } from '../../domain/result.ts';
import type { UpstreamAuthMethod } from '../../domain/upstream-client.ts';
import { bindingTo, codeRequest, upstreamAuthorizationUrl } from '../../domain/upstream-request.ts';
import type { Upstream } from '../../domain/upstream-server.ts';
import type { UpstreamFailure, UpstreamTokenAnswer } from '../../domain/upstream-tokens.ts';

/** A way to an upstream authorization server that is to be judged, and what is known of that server. */
export interface AuthorizationServerUnderTest {
  readonly server: UpstreamAuthorizationServer;
  /** The server with the credentials of a confidential client that is registered there; it rotates its refresh tokens. */
  readonly upstream: Upstream;
  /** Of that client. */
  readonly redirectUri: string;
  /** Where the MCP server is, that answers to nobody without a token. */
  readonly probeUrl: string;
  /** Where the metadata of the resource is. */
  readonly resourceMetadataUrl: string;
  /** Where the metadata of the server is. */
  readonly serverMetadataUrl: string;
  /** Where there is nothing. */
  readonly nowhereUrl: string;
  /** Screen 2 with a yes: the callback URL that the browser is sent to. */
  approve(authorizationUrl: string): string | Promise<string>;
  /** Nobody can reach the server from now on. */
  goDown(): void | Promise<void>;
  comeUp(): void | Promise<void>;
  close(): void | Promise<void>;
}

type Tested = () => AuthorizationServerUnderTest;

/** What every {@link UpstreamAuthorizationServer} must show. */
export function upstreamAuthorizationServerContract(
  name: string,
  make: () => AuthorizationServerUnderTest | Promise<AuthorizationServerUnderTest>,
): void {
  describe(`the upstream authorization server ${name}`, () => {
    let tested: AuthorizationServerUnderTest;
    before(async () => {
      tested = await make();
    });
    after(() => tested.close());

    documents(() => tested);
    tokens(() => tested);
    revocation(() => tested);
    registration(() => tested);
    outages(() => tested);
  });
}

const verifier = 'v'.repeat(43);
/** Longer than anything here takes. */
const patience = seconds(10);

/** A registration as the gateway asks for it. */
export function aRegistration(
  redirectUri: string,
  method: UpstreamAuthMethod,
): UpstreamRegistrationRequest {
  return { clientName: 'Gateway', redirectUri, method, scope: undefined, publicKey: undefined };
}

/** The form of a token request for a code that a user just allowed. */
export async function aCodeForm({
  upstream,
  redirectUri,
  approve,
}: Pick<AuthorizationServerUnderTest, 'upstream' | 'redirectUri' | 'approve'>): Promise<
  Readonly<Record<string, string>>
> {
  const url = upstreamAuthorizationUrl(upstream, {
    redirectUri,
    state: 'a state',
    challenge: codeChallengeOf(verifier),
    scope: undefined,
    resource: upstream.manners.resource,
  });
  const callback = new URL(await approve(url));
  assert.equal(callback.searchParams.get('state'), 'a state');
  return codeRequest(upstream, bindingTo(upstream, undefined), {
    code: callback.searchParams.get('code') ?? '',
    redirectUri,
    verifier,
  });
}

/** The value of an answer that was to be had. */
export function given<Value>(answer: Result<Value, UpstreamFailure>): Value {
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}

/** Why there was no answer. */
export function denied<Value>(answer: Result<Value, UpstreamFailure>): UpstreamFailure {
  assert.ok(!answer.ok, 'There was an answer.');
  return answer.failure;
}

function errorIn<Value>(answer: Result<Value, UpstreamFailure>): string {
  const failure = denied(answer);
  return failure.kind === 'refused' ? failure.error : failure.kind;
}

function refreshForm({ refresh }: UpstreamTokenAnswer): Readonly<Record<string, string>> {
  assert.ok(refresh);
  return { grant_type: 'refresh_token', refresh_token: refresh };
}

function documents(tested: Tested): void {
  it('hears from the MCP server that a token is wanted', async () => {
    const { server, probeUrl } = tested();

    const answer = given(await server.probe(probeUrl, patience));

    assert.equal(answer.status, 401);
    assert.match(answer.challenge ?? '', /^Bearer/);
  });

  it('reads the metadata of the resource', async () => {
    const { server, resourceMetadataUrl } = tested();

    const { document } = given(await server.resourceDocument(resourceMetadataUrl, patience));

    assert.ok(document && document !== 'broken' && URL.canParse(document.resource));
    assert.ok(document.authorizationServers.length > 0);
  });

  it('reads the metadata of the server', async () => {
    const { server, upstream, serverMetadataUrl } = tested();

    const { document } = given(await server.serverDocument(serverMetadataUrl, patience));

    assert.equal(document?.tokenEndpoint, upstream.server.tokenEndpoint);
    assert.equal(document?.authorizationEndpoint, upstream.server.authorizationEndpoint);
    assert.equal(document?.revocationEndpoint, upstream.server.revocationEndpoint);
    assert.ok(document?.challengeMethods?.includes('S256'));
  });

  it('knows of no metadata where there is none', async () => {
    const { server, nowhereUrl } = tested();

    const resource = given(await server.resourceDocument(nowhereUrl, patience));
    const authorization = given(await server.serverDocument(nowhereUrl, patience));

    assert.equal(resource.document, undefined);
    assert.equal(authorization.document, undefined);
  });
}

function tokens(tested: Tested): void {
  it('brings tokens for a code', async () => {
    const { server, upstream } = tested();

    const answer = given(await server.requestTokens(upstream, await aCodeForm(tested())));

    assert.ok(answer.access);
    assert.ok(answer.refresh);
    assert.ok(answer.expiresIn !== undefined && answer.expiresIn > 0);
  });

  it('brings other tokens for a refresh token', async () => {
    const { server, upstream } = tested();
    const first = given(await server.requestTokens(upstream, await aCodeForm(tested())));

    const second = given(await server.requestTokens(upstream, refreshForm(first)));

    assert.notEqual(second.access, first.access);
    assert.notEqual(second.refresh, first.refresh);
  });

  it('tells which error a server refuses with', async () => {
    const { server, upstream } = tested();
    const form = await aCodeForm(tested());

    const badVerifier = { ...form, code_verifier: 'w'.repeat(43) };
    const unknown = { ...upstream, client: { ...upstream.client, clientSecret: 'wrong' } };

    assert.equal(errorIn(await server.requestTokens(upstream, badVerifier)), 'invalid_grant');
    assert.equal(errorIn(await server.requestTokens(unknown, form)), 'invalid_client');
    given(await server.requestTokens(upstream, form));
  });

  it('keeps many requests apart', async () => {
    const { server, upstream } = tested();
    const forms = await Promise.all(Array.from({ length: 10 }, () => aCodeForm(tested())));

    const answers = await Promise.all(forms.map((form) => server.requestTokens(upstream, form)));

    assert.equal(new Set(answers.map((answer) => given(answer).access)).size, 10);
  });
}

/** RFC 7009 §2. */
function revocation(tested: Tested): void {
  const revoke = (token: string, upstream = tested().upstream) =>
    tested().server.revokeToken(upstream, upstream.server.revocationEndpoint ?? '', token);

  it('revokes a refresh token, which is good for nothing from then on', async () => {
    const { server, upstream } = tested();
    const answer = given(await server.requestTokens(upstream, await aCodeForm(tested())));

    given(await revoke(answer.refresh ?? ''));

    assert.equal(
      errorIn(await server.requestTokens(upstream, refreshForm(answer))),
      'invalid_grant',
    );
  });

  it('takes a token that is not known for revoked, also one that was revoked before', async () => {
    const { server, upstream } = tested();
    const { access } = given(await server.requestTokens(upstream, await aCodeForm(tested())));

    given(await revoke('nobody knows this one'));
    given(await revoke(access));
    given(await revoke(access));
  });

  it('proves who it is when it revokes', async () => {
    const { server, upstream } = tested();
    const answer = given(await server.requestTokens(upstream, await aCodeForm(tested())));
    const unknown = { ...upstream, client: { ...upstream.client, clientSecret: 'wrong' } };

    const refused = denied(await revoke(answer.refresh ?? '', unknown));

    assert.equal(refused.kind, 'refused');
    given(await server.requestTokens(upstream, refreshForm(answer)));
  });
}

function registration(tested: Tested): void {
  it('registers a client that can get tokens from then on', async () => {
    const { server, upstream, approve } = tested();
    const endpoint = upstream.server.registrationEndpoint ?? '';
    const redirectUri = 'http://localhost:8002/upstream/callback';

    const method = 'client_secret_post';
    const answer = given(await server.register(endpoint, aRegistration(redirectUri, method)));

    const { clientId, clientSecret } = answer;
    assert.ok(clientId && clientSecret);
    const registered = { ...upstream, client: { clientId, clientSecret, method } } as const;
    const form = await aCodeForm({ upstream: registered, redirectUri, approve });
    given(await server.requestTokens(registered, form));
  });
}

function outages(tested: Tested): void {
  it('tells a server that cannot be reached from one that refuses, and goes on when it is back', async () => {
    const { server, upstream, probeUrl, resourceMetadataUrl, serverMetadataUrl } = tested();
    const form = await aCodeForm(tested());
    const endpoint = upstream.server.registrationEndpoint ?? '';
    const redirectUri = 'http://localhost:8002/upstream/callback';
    await tested().goDown();

    const failures = [
      await server.probe(probeUrl, patience),
      await server.resourceDocument(resourceMetadataUrl, patience),
      await server.serverDocument(serverMetadataUrl, patience),
      await server.register(endpoint, aRegistration(redirectUri, 'none')),
      await server.requestTokens(upstream, form),
      await server.revokeToken(upstream, upstream.server.revocationEndpoint ?? '', 'a token'),
    ].map((answer) => denied<unknown>(answer).kind);

    await tested().comeUp();
    assert.deepEqual(failures, Array(6).fill('unavailable'));
    given(await server.requestTokens(upstream, form));
  });
}
