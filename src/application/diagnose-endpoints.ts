import { codeChallengeOf } from '../domain/pkce.ts';
import type { Result } from '../domain/result.ts';
import {
  bindingTo,
  codeRequest,
  isClientRefusal,
  isResourceRefusal,
  type UpstreamBinding,
  upstreamAuthorizationUrl,
} from '../domain/upstream-request.ts';
import type { Upstream } from '../domain/upstream-server.ts';
import { reasonOf, refusal, type UpstreamFailure } from '../domain/upstream-tokens.ts';
import type { Ports } from './ports.ts';

/** What a page answered to a GET; redirects are not followed. */
export interface VisitedPage {
  readonly status: number;
  readonly location: string | undefined;
}

/** Looks at the upstream's pages as a browser would, but follows nothing. */
export interface PageVisitor {
  visit(url: string): Promise<Result<VisitedPage, UpstreamFailure>>;
}

/** What one look found out. */
export interface Findings {
  /** What keeps users from signing in, a sentence each, with what to do about it. */
  readonly problems: readonly string[];
  /** What an operator may want to know all the same. */
  readonly notes: readonly string[];
}

/** Nothing to say. */
export const wellAndGood: Findings = { problems: [], notes: [] };

/** What the looks at a server's endpoints need. */
export interface EndpointParts {
  readonly ports: Pick<Ports, 'authorizationServer'>;
  readonly pages: PageVisitor;
  readonly callbackUrl: () => string;
  /** Whether the gateway leaves `resource` out where it is refused. */
  readonly mayLeaveOutResource: boolean;
  /** What to do where the client is not taken, if the gateway came to it by itself; absent for one that the operator configured. */
  readonly clientRemedy: string | undefined;
}

// Whoever had the code that belongs to it could do nothing: there will be none.
const verifier = 'doctor'.repeat(8);

/** Sends a request to the authorization endpoint that nobody will ever answer; where `resource` is refused, once more without it. */
export async function diagnoseScreenTwo(
  parts: EndpointParts,
  upstream: Upstream,
  scope: string | undefined,
): Promise<Findings> {
  const callback = parts.callbackUrl();
  const { resource } = bindingTo(upstream, scope);
  const visit = (sent: string | undefined) =>
    parts.pages.visit(
      upstreamAuthorizationUrl(upstream, {
        redirectUri: callback,
        state: 'doctor',
        challenge: codeChallengeOf(verifier),
        scope,
        resource: sent,
      }),
    );
  const page = await visit(resource);
  const findings = judged(page, parts);
  const mayMend = resource !== undefined && parts.mayLeaveOutResource;
  if (findings.problems.length === 0 || !page.ok || !mayMend) return findings;
  const without = judged(await visit(undefined), parts);
  if (without.problems.length > 0) return findings;
  // An error that comes back can be answered; a page of the upstream's own is where users are stuck.
  return comesBack(page.value, callback)
    ? note(
        `The authorization endpoint refuses the request with resource, and takes it without: users are sent there twice, unless --upstream-resource=off is set.`,
      )
    : problem(
        `The authorization endpoint takes the request without resource alone (status ${page.value.status} with it): set --upstream-resource=off.`,
      );
}

function judged(page: Result<VisitedPage, UpstreamFailure>, parts: EndpointParts): Findings {
  if (!page.ok) return problem(troubleIn('The authorization endpoint', page.failure));
  const { status } = page.value;
  if (isAboutVisitors(status)) {
    return note(
      `The authorization endpoint answers this program with status ${status}; a browser may be let in: open it in one.`,
    );
  }
  if (status >= 500) {
    const trouble = {
      kind: 'unavailable',
      reason: `status ${status}`,
      retryAfter: undefined,
    } as const;
    return problem(troubleIn('The authorization endpoint', trouble));
  }
  const refused = refusalIn(page.value, parts.callbackUrl());
  return refused === undefined
    ? wellAndGood
    : problem(
        `The authorization endpoint refuses the request (${reasonOf(refused)}): ${remedyFor(refused, parts)}`,
      );
}

/** Robots are turned away by these. */
function isAboutVisitors(status: number): boolean {
  return status === 403 || status === 429;
}

function comesBack({ location }: VisitedPage, callback: string): boolean {
  return location?.startsWith(callback) ?? false;
}

/** An error on the way back (RFC 6749 §4.1.2.1), or an error page, which has no code of its own. */
function refusalIn(page: VisitedPage, callback: string): UpstreamFailure | undefined {
  const { status, location } = page;
  if (location !== undefined && comesBack(page, callback)) {
    const { searchParams } = new URL(location);
    const error = searchParams.get('error');
    const description = searchParams.get('error_description') ?? undefined;
    return error === null ? undefined : refusal(error, description);
  }
  return status >= 400 ? refusal(`status_${status}`, undefined) : undefined;
}

function remedyFor(refused: UpstreamFailure, { clientRemedy, callbackUrl }: EndpointParts): string {
  if (refused.kind === 'refused' && refused.error === 'invalid_scope') {
    return 'set --upstream-scope to scopes that it knows.';
  }
  if (isResourceRefusal(refused)) {
    return 'set --upstream-resource to off, or to the value that it wants.';
  }
  const ofConfigured = `check that the client exists there, and that ${callbackUrl()} is one of its callback URLs.`;
  return clientRemedy ?? ofConfigured;
}

/** Presents a code that nobody ever issued: a server that looks for it knows the gateway already (RFC 6749 §5.2). */
export async function diagnoseTokenEndpoint(
  parts: EndpointParts,
  upstream: Upstream,
  scope: string | undefined,
): Promise<Findings> {
  const present = (binding: UpstreamBinding) => {
    const fields = { code: 'doctor', redirectUri: parts.callbackUrl(), verifier };
    const form = codeRequest(upstream, binding, fields);
    return parts.ports.authorizationServer.requestTokens(upstream, form);
  };
  const binding = bindingTo(upstream, scope);
  const first = await present(binding);
  const mayMend = binding.resource !== undefined && parts.mayLeaveOutResource;
  const isMended = !first.ok && isResourceRefusal(first.failure) && mayMend;
  const answer = isMended ? await present({ ...binding, resource: undefined }) : first;
  return answer.ok
    ? problem(
        'The token endpoint gives tokens for a code that nobody issued: this is no server to trust.',
      )
    : judgedRefusal(answer.failure, parts.clientRemedy);
}

// GitHub and Slack have words of their own for it.
const unknownCode = new Set(['invalid_grant', 'bad_verification_code', 'invalid_code']);
const unknownClient = new Set(['unauthorized_client', 'incorrect_client_credentials']);

const ofConfiguredClient =
  'correct --upstream-client-id and --upstream-client-secret, or set --upstream-token-auth-method.';

function judgedRefusal(cause: UpstreamFailure, clientRemedy = ofConfiguredClient): Findings {
  if (cause.kind === 'unavailable') return problem(troubleIn('The token endpoint', cause));
  const reason = reasonOf(cause);
  if (cause.kind === 'unusable') {
    return problem(`${reason} Correct --upstream-token-endpoint where it is set.`);
  }
  if (unknownCode.has(cause.error)) return wellAndGood;
  if (isClientRefusal(cause) || unknownClient.has(cause.error)) {
    return problem(`The token endpoint does not accept the client (${reason}): ${clientRemedy}`);
  }
  if (cause.error === 'unsupported_grant_type') {
    return problem(
      `The token endpoint gives no tokens for codes (${reason}): set --upstream-as to a server that does, or correct --upstream-token-endpoint.`,
    );
  }
  return isResourceRefusal(cause)
    ? problem(`The token endpoint refuses resource (${reason}): set --upstream-resource.`)
    : note(
        `The token endpoint answers a made-up code with ${reason}, which says nothing about the client.`,
      );
}

/** That something could not be asked, or answered nothing of use, and what to do. */
export function troubleIn(what: string, cause: UpstreamFailure): string {
  if (cause.kind !== 'unavailable') return reasonOf(cause);
  return cause.reason.startsWith('status')
    ? `${what} is in trouble (${cause.reason}): try again later, and ask its operator if it stays.`
    : `${what} cannot be reached (${reasonOf(cause)}): check the address, the network, and HTTPS_PROXY.`;
}

function problem(sentence: string): Findings {
  return { problems: [sentence], notes: [] };
}

function note(sentence: string): Findings {
  return { problems: [], notes: [sentence] };
}
