/** One way to take a defence away: in this file, this text becomes another. The text stands there once. */
export interface Removal {
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
}

function removal(file: string, text: string, becomes: string): Removal {
  return { file: `src/${file}`, text, becomes };
}

/**
 * For each row of the table of threats (named by the beginning of its first column), the ways to take the defence away: together they have
 * to make each test of the row fail.
 */
export const defences: Readonly<Record<string, readonly Removal[]>> = {
  'A redirect URI that was never registered': [
    removal('domain/redirect-uri.ts', 'if (registered === presented) return true;', 'return true;'),
  ],
  'A redirect URI that runs a script': [
    removal('domain/redirect-uri.ts', 'if (dangerousSchemes.has(name))', 'if (false)'),
    removal(
      'domain/client-registration.ts',
      '  const uri = redirectUri(presented);\n',
      '  const uri = success(presented as RedirectUri);\n  if (presented !== "") return uri;\n',
    ),
  ],
  'A consent page that names another host': [
    removal('domain/redirect-uri.ts', '/^[\\x21-\\x5b\\x5d-\\x7e]+$/', '/^[\\x21-\\x7e]+$/'),
    removal(
      'domain/redirect-uri.ts',
      "url.username !== '' || url.password !== '' || authorityOf(text).includes('@')",
      'false',
    ),
    removal(
      'domain/redirect-uri.ts',
      "url.protocol === 'http:') return url.host;",
      "url.protocol === 'http:') return uri;",
    ),
  ],
  'Codes leak through Referer': [
    removal('adapters/http/answers.ts', "    'Referrer-Policy': 'no-referrer',\n", ''),
  ],
  'Mix-up of authorization servers': [
    removal('domain/upstream-server.ts', 'presented === server.issuer;', 'true;'),
    removal('domain/authorization-request.ts', 'issuer: bases[0] }', "issuer: 'https://other' }"),
  ],
  'Injected or stolen authorization codes': [
    removal(
      'domain/grant-code.ts',
      "provesChallenge(verifier, terms.challenge) ? 'redeem'",
      "verifier ? 'redeem'",
    ),
    removal('domain/grant-code.ts', 'clientId !== redemption.clientId', 'false'),
    removal('domain/grant-code.ts', 'redirectUri !== terms.redirectUri', 'false'),
    removal('domain/grant-code.ts', 'if (isExpired(terms.expiresAt, now))', 'if (false)'),
  ],
  'A code used twice': [
    removal(
      'application/exchange-code.ts',
      "await endGrant(held, 'code_replayed', key && sealKeyOf(key));",
      '',
    ),
  ],
  'Injected access tokens': [
    removal(
      'domain/grant-rotation.ts',
      'grant.halves.some((each) => each[kind] === hash)',
      'hash.length > 0',
    ),
  ],
  'Cross-site request forgery': [
    removal(
      'application/return-from-upstream.ts',
      '!isSameSecret(response.state, secrets.state)',
      'false',
    ),
    removal(
      'application/sign-in.ts',
      "if (!isSameSecret(form.csrf, secrets.csrf)) return refuse(id, 'forged');",
      '',
    ),
  ],
  'A flow that is begun in one browser': [
    removal(
      'domain/authorization-flow.ts',
      "sameHash(event.browser, flow.browser) ? undefined : 'wrong_browser'",
      'undefined',
    ),
  ],
  'PKCE downgrade': [
    removal(
      'domain/authorization-request.ts',
      "if (codeChallengeMethod !== 'S256')",
      "if (codeChallengeMethod === '')",
    ),
  ],
  'Tokens of one gateway at another': [
    removal('application/authorize-mcp-call.ts', ' || held.value.resource !== resource()', ''),
    removal('domain/grant-code.ts', "if (resource !== redemption.resource) return 'refuse';", ''),
    removal('application/refresh-tokens.ts', ' || held.value.resource !== resource)', ')'),
  ],
  'A token that leaks at the resource server': [
    removal(
      'adapters/upstream/crossing-headers.ts',
      "  'accept',\n",
      "  'accept',\n  'cookie',\n  'authorization',\n",
    ),
  ],
  'Token passthrough': [
    removal(
      'application/authorize-mcp-call.ts',
      'if (access === undefined) return invalidToken;',
      "if (access === undefined) return { type: 'authorized', grant: '' as GrantId, token: bearer as UpstreamToken, version: 1 };",
    ),
  ],
  'Stolen tokens (§4.10)': [
    removal(
      'domain/grant-access.ts',
      "if (isExpired(after(end, policy.clockSkew), now)) return { type: 'refuse' };",
      '',
    ),
  ],
  'Open redirection': [
    removal(
      'domain/authorization-request.ts',
      "if (!uri.ok) return failure({ to: 'user', reason: 'redirect_uri', detail: uri.failure });",
      "if (!uri.ok) return failure({ to: 'client', address: { redirectUri: parameters.redirectUri as RedirectUri, state: undefined, issuer: bases[0] }, error: oauthError('invalid_request', 'x') });",
    ),
    removal(
      'domain/authorization-request.ts',
      "name === 'redirect_uri' || name === 'client_id'",
      "name === 'client_id'",
    ),
  ],
  'Passwords resent by a 307': [
    removal('adapters/http/answers.ts', 'send(response, 303,', 'send(response, 307,'),
  ],
  'Stolen refresh tokens': [
    removal(
      'domain/grant-rotation.ts',
      "inFlight || isStillGood(grant, entry, policy, now) ? 'superseded'",
      "policy ? 'superseded'",
    ),
  ],
  'A replay that hides among honest retries': [
    removal(
      'domain/grant-access.ts',
      'generation > grant.presented ?',
      'generation !== grant.presented ?',
    ),
  ],
  Clickjacking: [removal('adapters/http/page-layout.ts', `    "frame-ancestors 'none'",\n`, '')],
  'Confused deputy': [
    removal(
      'domain/authorization-flow.ts',
      "return flow.stage === 'consent'\n        ?",
      "return flow.stage === 'consent' || flow.stage === 'sign_in'\n        ?",
    ),
  ],
  "A client's name that says more": [
    removal(
      'adapters/http/html.ts',
      "replace(/[&<>\"']/g, (character) => ENTITIES[character] ?? '')",
      'trim()',
    ),
    removal('adapters/http/html.ts', '/[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}]/gu', '/[\\p{Cc}]/gu'),
  ],
  'A stolen store': [
    removal(
      'domain/sealing.ts',
      'Buffer.concat([nonce, body, cipher.getAuthTag()])',
      'Buffer.concat([nonce, Buffer.from(text), body, cipher.getAuthTag()])',
    ),
  ],
  'A sealed record moved to another grant': [
    removal(
      'domain/grant-keys.ts',
      'const bytes = unseal(key, sealed, `${grant} ${version}`);',
      'const bytes = [1, 2, 3].map((each) => unseal(key, sealed, `${grant} ${each}`)).find((each) => each !== undefined);',
    ),
  ],
  'An access token that is made to mint others': [
    removal(
      'domain/grant-rotation.ts',
      "wrapKey(sealKeyOf(key), accessSecret, grant.id, 'access', keys)",
      "wrapKey(key, accessSecret, grant.id, 'access', keys)",
    ),
    removal(
      'domain/grant-keys.ts',
      'deriveKey(secret, gatewayKey, `wrap ${kind}`)',
      "deriveKey(secret, gatewayKey, kind && 'wrap')",
    ),
  ],
  'An upstream that speaks for another issuer': [
    removal(
      'domain/upstream-discovery.ts',
      'if (named.origin !== own.origin || named.hash',
      'if (named.hash',
    ),
  ],
  'An upstream that names another authorization server': [
    removal(
      'domain/upstream-request.ts',
      'return isBoundToServer(binding, server) && binding.clientId === client.clientId;',
      'return isBoundToServer(binding, server) || binding.clientId !== "";',
    ),
    removal(
      'application/upstream-credentials.ts',
      'if (first !== undefined && !serverNames(place.server).includes(first.value.server))',
      'if (false)',
    ),
  ],
  'An upstream that points into our network': [
    removal(
      'domain/outbound-rule.ts',
      "rule.loopback && isLoopbackUrl(url) ? undefined : 'is plain http'",
      'undefined',
    ),
  ],
  'An error that a user puts into': [
    removal(
      'application/return-from-upstream.ts',
      'if (throughBrowser || !isClientRefusal(cause))',
      'if (!isClientRefusal(cause))',
    ),
  ],
  'A redirect that carries our credentials': [
    removal('adapters/upstream/http-call.ts', ' || !isSameOrigin(target, call.url)', ''),
  ],
  'An authorization endpoint that a browser': [
    removal(
      'adapters/upstream/metadata-documents.ts',
      'z.url({ protocol: /^https?$/ })',
      'z.url()',
    ),
  ],
  'Error texts of the upstream': [
    removal('domain/upstream-tokens.ts', "error.replaceAll(/[^\\w.:-]/g, '')", 'error'),
  ],
  'An answer that was cut off': [
    removal(
      'adapters/http/response-sink.ts',
      'if (this.#response.headersSent) this.#response.destroy();',
      'if (this.#response.headersSent) this.#response.end();',
    ),
  ],
  'Headers that cross a hop': [
    removal(
      'adapters/upstream/crossing-headers.ts',
      "return withoutNamed(headers, connection, 'authorization');",
      'return headers;',
    ),
    removal('adapters/upstream/crossing-headers.ts', "  'set-cookie',\n", ''),
  ],
  'Bodies, flows and registrations without end': [
    removal(
      'adapters/store/memory.ts',
      'if (current === undefined && this.#isFull(now))',
      'if (false)',
    ),
    removal('adapters/http/request-body.ts', 'if (length > longest)', 'if (false)'),
    removal(
      'application/register-client.ts',
      "if (outcome.type !== 'written') return failure(noRoom);",
      '',
    ),
  ],
  'Bodies that never come whole': [
    removal('adapters/http/gateway-listener.ts', 'if (leavesRest) rests.follow(request);', ''),
    removal('adapters/http/gateway-listener.ts', '      rests.end();\n', ''),
  ],
  'A stranger who guesses tokens': [
    removal(
      'domain/grant-code.ts',
      '!sameHash(code.hash, sha256(redemption.code.secret))',
      'false',
    ),
  ],
  'Requests forged through a client': [
    removal(
      'adapters/clients/guarded-connector.ts',
      'if (isForbidden(address, host))',
      'if (address === host)',
    ),
    removal(
      'adapters/clients/guarded-connector.ts',
      'isIP(host) !== 0 && isForbidden(host, host)',
      'host === ""',
    ),
    removal(
      'adapters/clients/guarded-connector.ts',
      'buildConnector({ timeout, lookup: guardedLookup })',
      'buildConnector({ timeout })',
    ),
  ],
  'Addresses that hide a special one': [
    removal('adapters/clients/special-address.ts', "!unicastIpv6.check(address, 'ipv6') ||", ''),
    removal(
      'adapters/clients/special-address.ts',
      "return specialIpv4.check(lastIpv4(address), 'ipv4');",
      'return false;',
    ),
  ],
  'A document that speaks for another client': [
    removal('domain/client-document.ts', 'if (document.clientId !== url)', 'if (false)'),
  ],
  "A client that calls itself by another's name": [
    removal('adapters/http/login-page.ts', 'displayText(source.host, HOST_LIMIT)', "''"),
  ],
  'A gateway that is made to fetch without end': [
    removal('application/recent-documents.ts', 'if (already !== undefined) return already;', ''),
    removal('application/recent-documents.ts', 'ofHost: 4 }', 'ofHost: 400 }'),
    removal('application/find-client.ts', 'new URL(id).origin === origin', "id === ''"),
  ],
  'A replayed client assertion': [
    removal(
      'application/check-assertion.ts',
      'before?.value.purpose === used.purpose',
      'before !== used',
    ),
    removal(
      'adapters/http/token-endpoint.ts',
      "type === 'authorization_code' ? form.get('code') : undefined;",
      "form.get('code');",
    ),
  ],
  'An assertion made for another server': [
    removal(
      'domain/client-keys.ts',
      '!audience.every((each) => expected.audiences.includes(each))',
      'false',
    ),
    removal(
      'adapters/clients/jose-assertions.ts',
      'if (!assertionAlgorithms.includes(alg)) return undefined;',
      '',
    ),
    removal(
      'adapters/clients/jose-assertions.ts',
      'const set = createLocalJWKSet({',
      'const { jwk } = decodeProtectedHeader(assertion);\n    const set = jwk ? createLocalJWKSet({ keys: [jwk as JWK] }) : createLocalJWKSet({',
    ),
  ],
  'Registrations without end': [
    removal('application/rate-limit.ts', 'before.count < perMinute ?', 'before.count < Infinity ?'),
    removal(
      'application/unused-clients.ts',
      'if (ids.size <= most) return;',
      'if (most > 0) return;',
    ),
    removal(
      'application/register-client.ts',
      'return after(registeredAt, seconds(day));',
      'return after(registeredAt, seconds(90 * day));',
    ),
  ],
  'A client that names again what the operator': [
    removal(
      'adapters/upstream/joined-query.ts',
      'others.filter((each) => !set.has(parameterName(each)))',
      'others.filter((each) => set.size > 0 || parameterName(each))',
    ),
  ],
  'Guessed passwords': [
    removal(
      'application/sign-in-throttle.ts',
      'const counted = await senders.add(sender, bySender);',
      'const counted = { takeBack: async () => {} } as Counted;',
    ),
    removal(
      'adapters/sign-in/hashed-users.ts',
      'await check(password, own ?? decoy(username, [...known.values()]));',
      'own !== undefined && (await check(password, own));',
    ),
  ],
  'A guesser who locks the right user out': [
    removal(
      'domain/sign-in-delay.ts',
      "if (bySender === 0) return { type: 'pause', length: seconds(Math.min(1, account)) };",
      '',
    ),
  ],
  'The admin socket in other hands': [
    removal(
      'adapters/admin/admin-listener.ts',
      'chmodSync(path, 0o600);',
      'chmodSync(path, 0o660);',
    ),
    removal('adapters/admin/admin-listener.ts', 'process.umask(0o177)', 'process.umask(0)'),
  ],
  'Requests that no client would send': [
    removal(
      'adapters/http/listening.ts',
      "server.on('clientError', answerBrokenRequest);",
      "server.on('clientError', (error: Error, socket) => socket.end(`HTTP/1.1 500 Oops\\r\\nContent-Length: 0\\r\\n\\r\\n${error.stack}`));",
    ),
  ],
  'Forwarding headers that a stranger invents': [
    removal(
      'adapters/http/forwarding.ts',
      'if (peer === undefined || !isTrusted)',
      'if (peer === undefined)',
    ),
  ],
  'The default password in production': [
    removal(
      'adapters/configuration/configuration-rules.ts',
      'return isLoopback(host) && !isPublic;',
      'return !isPublic;',
    ),
    removal(
      'adapters/configuration/configuration-rules.ts',
      'return isLoopback(host) && !isPublic;',
      'return isLoopback(host) || !isPublic;',
    ),
  ],
  'A web page that calls /mcp': [
    removal('adapters/http/cross-origin.ts', '!mcpPaths.has(path)', 'path !== ""'),
  ],
  'A token in a URL': [
    removal(
      'adapters/http/mcp-endpoint.ts',
      "if (query !== '' && parameters(query).has('access_token'))",
      'if (parameters(query).has("\\n"))',
    ),
  ],
  "A challenge of the upstream's": [
    removal(
      'adapters/upstream/crossing-headers.ts',
      "if (name === 'connection' || name === 'www-authenticate' || name",
      "if (name === 'connection' || name",
    ),
  ],
  'A remembered sign-in': [
    removal(
      'application/sign-in.ts',
      'return deny(parts, id, browser);',
      'return form.session ? allow(parts, opened.value, browser, secrets, form) : deny(parts, id, browser);',
    ),
    removal(
      'domain/sign-in-session.ts',
      'isExpired(epochSeconds(until), now) ? undefined : subject',
      'subject',
    ),
    removal(
      'domain/sign-in-session.ts',
      'if (opened === undefined) continue;',
      "if (opened === undefined) return 'alice' as Subject;",
    ),
  ],
  'A guesser who goes from one gateway': [
    removal(
      'application/counter.ts',
      'const { counters } = this.#ports.store;',
      'const counters = key === "" ? this.#ports.store.counters : undefined;',
    ),
    removal(
      'domain/account-mark.ts',
      "Buffer.from(deriveKey(username, current, 'account')).toString('base64url')",
      'username || String(current)',
    ),
  ],
  'Input that is made to take long': [
    removal(
      'adapters/http/json-body.ts',
      '/"(?:[^"\\\\]|\\\\.?)*"?|[[{\\]}]/gs',
      '/"(?:[^"\\\\]|\\\\.)*"|[[{\\]}]/g',
    ),
    removal(
      'domain/upstream-tokens.ts',
      '/(\\bhttps?:\\/\\/[^\\s?#"]+)(\\?[^\\s"]*)?/gi',
      '/(\\bhttps?:\\/\\/[^\\s?#"]+)(\\?[^\\s"]*)/gi',
    ),
  ],
};
