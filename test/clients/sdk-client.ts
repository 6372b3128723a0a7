import assert from 'node:assert/strict';
import { answerScreenOne } from '../gateway/raw-client.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { sdks } from '../support/real/mcp-clients.ts';
import {
  MemoryOAuthProvider,
  type MemoryOAuthProviderOptions,
} from '../support/real/memory-oauth-provider.ts';
import type { ClientShape } from './client-shapes.ts';
import type { ClientStage } from './client-stage.ts';

/** A provider of a client that has published its metadata. */
class PublishedProvider extends MemoryOAuthProvider {
  readonly clientMetadataUrl: string;

  constructor(url: string, options: MemoryOAuthProviderOptions) {
    super(options);
    this.clientMetadataUrl = url;
  }
}

/** Goes the way of a client by the official SDK's own OAuth code; only the browser is driven. */
export async function walkSdk(stage: ClientStage, shape: ClientShape): Promise<void> {
  const sdk = sdks.find(({ name }) => name === shape.sdk);
  assert.ok(sdk);
  const { state } = shape;
  const options: MemoryOAuthProviderOptions = {
    redirectUri: shape.redirectUri,
    clientMetadata: {
      token_endpoint_auth_method: undefined,
      ...shape.metadata,
      redirect_uris: [...shape.metadata.redirect_uris],
    },
    state: state === undefined ? false : () => state,
  };
  const provider = shape.document
    ? new PublishedProvider(shape.document, options)
    : new MemoryOAuthProvider(options);
  const browser = new Browser(shape.redirectUri);
  const connection = await sdk.connect({
    url: `${stage.base}/mcp`,
    provider,
    authorize: async (url) => {
      const page = await answerScreenOne(browser, await browser.visit(url));
      assert.ok(page.callback, `The browser stayed at ${page.url} with status ${page.status}`);
      return page.callback;
    },
  });

  assert.equal(provider.clientInformation()?.client_id === shape.document, shape.by === 'document');
  assert.equal(await connection.call('echo', { text: 'hello' }), 'hello');
  stage.clock.advance((provider.tokens()?.expires_in ?? 0) + 61);
  assert.equal(await connection.call('echo', { text: 'again' }), 'again');
  assert.equal(provider.savedTokens, 2, 'by an exchange and a refresh');
  await connection.close();
}
