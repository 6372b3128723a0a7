import type { ServerResponse } from 'node:http';
import type { OpenLogin } from '../../application/open-login.ts';
import type { ScopeToShow } from '../../application/scope-to-show.ts';
import type { SignInOutcome, SubmitSignIn } from '../../application/sign-in.ts';
import type { Flow } from '../../domain/authorization-flow.ts';
import type { ClientRequest } from '../../domain/authorization-request.ts';
import { flowId } from '../../domain/flow-secrets.ts';
import type { Subject } from '../../domain/grant.ts';
import { returnHost, returnKind } from '../../domain/redirect-uri.ts';
import { scopeTokens } from '../../domain/scope.ts';
import { type Headers, sendOn, sendPage } from './answers.ts';
import { sendToClient, urlAtClient } from './authorize-endpoint.ts';
import type { FlowCookies } from './flow-cookie.ts';
import { loginPage, type NameSource } from './login-page.ts';
import { type Parameters, parameters, readForm } from './parameters.ts';
import { sendByHand, sendStepRefusal } from './problem.ts';
import { bodyLimits } from './request-body.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';
import { senderOf } from './sender.ts';
import type { SessionCookie } from './session-cookie.ts';

/** What the sign-in page says besides what the flow knows. */
export interface LoginContext {
  readonly cookies: FlowCookies;
  readonly session: SessionCookie;
  readonly upstreamHost: string;
  /** Whether there is no screen 2. */
  readonly onlyScreen: boolean;
  /** What the upstream will be asked for. */
  readonly scopeToShow: ScopeToShow;
  /** The path that everything is under; empty for none. */
  readonly prefix: () => string;
}

/** GET /login: screen 1. */
export function loginEndpoint(open: OpenLogin, context: LoginContext): Handle {
  return async (request, response, query) => {
    // A scanner of links that only looks must not own the flow: the user's own browser would then be refused.
    if (request.method === 'HEAD') return sendPage(response, 200, '');
    const id = flowId(parameters(query).get('flow'));
    notesOf(response).flow = id;
    const cookie = context.cookies.read(request, id);
    const opened = await open({ flow: id, cookie, session: context.session.read(request) });
    if (!opened.ok) return sendStepRefusal(request, response, opened.failure);
    const { flow, csrf, signedIn, cookie: secret } = opened.value;
    const page = await pageOf(context, flow, { csrf, signedIn, message: undefined });
    sendPage(response, 200, page, { 'Set-Cookie': context.cookies.give(request, flow.id, secret) });
  };
}

/** POST /login/callback: the answer to screen 1. */
export function loginCallbackEndpoint(submit: SubmitSignIn, context: LoginContext): Handle {
  return async (request, response) => {
    const form = await readForm(request, response, bodyLimits.signIn);
    if (form === undefined) return;
    const flow = flowId(form.get('flow'));
    notesOf(response).flow = flow;
    const cookie = context.cookies.read(request, flow);
    const session = context.session.read(request);
    const from = senderOf(notesOf(response).caller?.address);
    const submitted = await submit({ ...signInForm(form), flow, cookie, session, from });
    if (!submitted.ok) return sendStepRefusal(request, response, submitted.failure);
    const outcome = submitted.value;
    switch (outcome.type) {
      case 'upstream':
        return sendOn(response, outcome.url, setCookies(context.session.give(outcome.session)));
      case 'again':
        return sendAgain(response, context, outcome);
      case 'code': {
        const cleared = flow ? context.cookies.clear(flow) : [];
        const cookies = setCookies([...cleared, ...context.session.give(outcome.session)]);
        return sendToClient(response, outcome.address, { code: outcome.code }, cookies);
      }
      case 'by_hand': {
        const back = urlAtClient(outcome.address, outcome.error);
        return sendByHand(request, response, outcome.error.description, back);
      }
      case 'error': {
        const cleared = setCookies(flow ? context.cookies.clear(flow) : []);
        return sendToClient(response, outcome.address, outcome.error, cleared);
      }
    }
  };
}

/** The form once more, and no remembered user: a wrong password, or somebody else at the keyboard. */
async function sendAgain(
  response: ServerResponse,
  context: LoginContext,
  { flow, csrf, wrongPassword, wait }: Extract<SignInOutcome, { type: 'again' }>,
): Promise<void> {
  const cookies = setCookies(context.session.clear());
  const page = (message: string | undefined) =>
    pageOf(context, flow, { csrf, signedIn: undefined, message });
  if (wait !== undefined) {
    notesOf(response).error = 'too_many_attempts';
    const headers = { ...cookies, 'Retry-After': String(wait) };
    return sendPage(response, 429, await page(tooManyAttempts(wait)), headers);
  }
  if (wrongPassword) notesOf(response).error = 'wrong_password';
  const message = wrongPassword ? wrongPasswordMessage : undefined;
  sendPage(response, wrongPassword ? 401 : 200, await page(message), cookies);
}

function tooManyAttempts(wait: number): string {
  const time =
    wait === 1 ? 'one second' : wait < 120 ? `${wait} seconds` : `${Math.ceil(wait / 60)} minutes`;
  return `There were too many wrong passwords from here. Nothing was tried; wait ${time}, then try again.`;
}

const wrongPasswordMessage =
  'That user name and password do not go together. Nothing was allowed; try again.';

function setCookies(lines: readonly string[]): Headers {
  return lines.length > 0 ? { 'Set-Cookie': lines } : {};
}

const decisions = ['allow', 'deny', 'switch'] as const;

function signInForm(form: Parameters) {
  return {
    csrf: form.get('csrf'),
    decision: decisions.find((each) => each === form.get('decision')) ?? 'deny',
    username: form.get('username') ?? '',
    password: form.get('password') ?? '',
  };
}

function nameSource({ clientOrigin, clientId }: ClientRequest): NameSource {
  // The id of such a client is the URL of its document.
  if (clientOrigin === 'document') return { type: 'document', host: new URL(clientId).host };
  return { type: clientOrigin };
}

async function pageOf(
  { upstreamHost, onlyScreen, scopeToShow, prefix }: LoginContext,
  flow: Flow,
  form: { csrf: string; signedIn: Subject | undefined; message: string | undefined },
): Promise<string> {
  const { request } = flow;
  return loginPage({
    client: {
      name: request.clientName,
      nameSource: nameSource(request),
      returnHost: returnHost(request.redirectUri),
      returnKind: returnKind(request.redirectUri),
    },
    upstreamHost,
    onlyScreen,
    scopes: scopeTokens(await scopeToShow(flow, form.signedIn)),
    action: `${prefix()}/login/callback`,
    flow: flow.id,
    ...form,
  });
}
