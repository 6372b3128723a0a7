import type { OpenLogin } from '../../application/open-login.ts';
import type { SubmitSignIn } from '../../application/sign-in.ts';
import type { Flow } from '../../domain/authorization-flow.ts';
import { flowId } from '../../domain/flow-secrets.ts';
import { isLoopbackRedirect, returnHost } from '../../domain/redirect-uri.ts';
import { scopeTokens } from '../../domain/scope.ts';
import { sendOn, sendPage } from './answers.ts';
import { sendToClient } from './authorize-endpoint.ts';
import type { FlowCookies } from './flow-cookie.ts';
import { loginPage } from './login-page.ts';
import { type Parameters, parameters, readForm } from './parameters.ts';
import { sendStepRefusal } from './problem.ts';
import type { Handle } from './router.ts';

/** What the sign-in page says besides what the flow knows. */
export interface LoginContext {
  readonly cookies: FlowCookies;
  readonly upstreamHost: string;
  /** Whether there is no screen 2. */
  readonly onlyScreen: boolean;
  /** Set by the operator: what will be asked of the upstream, whatever the client asks for. */
  readonly scope: string | undefined;
}

/** GET /login: screen 1. */
export function loginEndpoint(open: OpenLogin, context: LoginContext): Handle {
  return async (request, response, query) => {
    const id = flowId(parameters(query).get('flow'));
    const opened = await open(id, context.cookies.read(request, id));
    if (!opened.ok) return sendStepRefusal(request, response, opened.failure);
    const { flow, csrf, cookie } = opened.value;
    const page = pageOf(context, flow, csrf, undefined);
    sendPage(response, 200, page, { 'Set-Cookie': context.cookies.give(request, flow.id, cookie) });
  };
}

/** POST /login/callback: the answer to screen 1. */
export function loginCallbackEndpoint(submit: SubmitSignIn, context: LoginContext): Handle {
  return async (request, response) => {
    const form = await readForm(request, response);
    if (form === undefined) return;
    const flow = flowId(form.get('flow'));
    const cookie = context.cookies.read(request, flow);
    const submitted = await submit({ ...signInForm(form), flow, cookie });
    if (!submitted.ok) return sendStepRefusal(request, response, submitted.failure);
    const outcome = submitted.value;
    switch (outcome.type) {
      case 'upstream':
        return sendOn(response, outcome.url);
      case 'wrong_password':
        return sendPage(response, 401, pageOf(context, outcome.flow, outcome.csrf, wrongPassword));
      case 'code':
      case 'error': {
        const cleared = flow ? { 'Set-Cookie': context.cookies.clear(flow) } : {};
        const result = outcome.type === 'code' ? { code: outcome.code } : outcome.error;
        return sendToClient(response, outcome.address, result, cleared);
      }
    }
  };
}

const wrongPassword =
  'That user name and password do not go together. Nothing was allowed; try again.';

function signInForm(form: Parameters) {
  return {
    csrf: form.get('csrf'),
    decision: form.get('decision') === 'allow' ? ('allow' as const) : ('deny' as const),
    username: form.get('username') ?? '',
    password: form.get('password') ?? '',
  };
}

function pageOf(
  { upstreamHost, onlyScreen, scope }: LoginContext,
  flow: Flow,
  csrf: string,
  message: string | undefined,
): string {
  const { request } = flow;
  return loginPage({
    client: {
      name: request.clientName,
      returnHost: returnHost(request.redirectUri),
      loopback: isLoopbackRedirect(request.redirectUri),
    },
    upstreamHost,
    onlyScreen,
    scopes: scopeTokens(scope ?? request.scope),
    action: '/login/callback',
    flow: flow.id,
    csrf,
    message,
  });
}
