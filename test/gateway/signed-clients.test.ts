import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Stage, startStage } from './fake-stage.ts';
import {
  authorize,
  exchangeForm,
  postToken,
  type Registered,
  refreshForm,
  register,
  send,
  tokensOf,
} from './raw-client.ts';

interface Signer {
  readonly stage: Stage;
  readonly client: Registered;
  /** The parameters of an assertion that was just made. */
  proof(claims?: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, string>>>;
}

/** A client with a key of its own, registered at a gateway. */
async function startSigner(t: TestContext): Promise<Signer> {
  const stage = await startStage(t);
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const client = await register(stage.base, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [await exportJWK(publicKey)] },
  });
  let count = 0;
  return {
    stage,
    client,
    async proof(claims = {}) {
      count += 1;
      const { client_id: id } = client;
      const jwt = new SignJWT({
        iss: id,
        sub: id,
        aud: stage.base,
        exp: stage.clock.now() + 60,
        jti: `${count}`,
        ...claims,
      });
      return {
        client_assertion: await jwt.setProtectedHeader({ alg: 'ES256' }).sign(privateKey),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      };
    },
  };
}

async function signedIn({ stage, client, proof }: Signer) {
  const code = (await authorize(stage.base, client)).get('code') ?? '';
  const used = await proof();
  const form = { ...exchangeForm(code, client), ...used };
  return { code, used, form, tokens: tokensOf(await postToken(stage.base, form)) };
}

test('a used assertion is good for no other request, whatever else that one says', async (t) => {
  const signer = await startSigner(t);
  const { stage, client } = signer;
  const { code, used, tokens } = await signedIn(signer);

  const refresh = { ...refreshForm(tokens.refresh_token, client), ...used };
  const disguised = await postToken(stage.base, { ...refresh, code });
  const again = await postToken(stage.base, refresh);
  const revoke = { token: tokens.access_token, code, client_id: client.client_id, ...used };
  const revoked = await send(`${stage.base}/revoke`, { method: 'POST', body: revoke });

  for (const refused of [disguised, again, revoked]) {
    assert.equal(refused.status, 401, refused.text);
    assert.equal(refused.json().error, 'invalid_client');
  }
});

test('an assertion is good again for the request whose answer was lost', async (t) => {
  const signer = await startSigner(t);
  const { stage, client } = signer;
  const { tokens } = await signedIn(signer);
  const refresh = { ...refreshForm(tokens.refresh_token, client), ...(await signer.proof()) };

  tokensOf(await postToken(stage.base, refresh));
  tokensOf(await postToken(stage.base, { ...refresh, scope: 'more' }));
});

test('an assertion without a name is good once, however its signature is spelled', async (t) => {
  const signer = await startSigner(t);
  const { stage, client } = signer;
  const { tokens } = await signedIn(signer);
  const nameless = await signer.proof({ jti: undefined });
  const respelled = respell(nameless.client_assertion ?? '');
  const first = { ...refreshForm(tokens.refresh_token, client), ...nameless };
  const next = tokensOf(await postToken(stage.base, first));

  const replay = await postToken(stage.base, {
    ...refreshForm(next.refresh_token, client),
    ...nameless,
    client_assertion: respelled,
  });

  assert.equal(replay.status, 401, replay.text);
});

/** The last letter of a 64-byte signature holds bits that mean nothing. */
function respell(assertion: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return assertion.slice(0, -1) + letters[letters.indexOf(assertion.at(-1) ?? '') ^ 1];
}
