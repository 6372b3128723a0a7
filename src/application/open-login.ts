import type { Flow, FlowId } from '../domain/authorization-flow.ts';
import { flowSecrets } from '../domain/flow-secrets.ts';
import type { Subject } from '../domain/grant.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { sha256 } from '../domain/secret-hash.ts';
import type { MoveFlow, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';
import type { Sessions } from './sessions.ts';

/** Screen 1, as a browser may see it. */
export interface LoginScreen {
  readonly flow: Flow;
  readonly csrf: string;
  /** The secret for the browser's cookie: the one it brought, or a fresh one. */
  readonly cookie: string;
  /** Who is signed in on this browser already, and has only to consent. */
  readonly signedIn: Subject | undefined;
}

/** Opens screen 1 in a browser; the first browser to do so owns the flow. */
export type OpenLogin = (browser: OpeningBrowser) => Promise<Result<LoginScreen, StepRefusal>>;

/** What a browser brings to screen 1. */
export interface OpeningBrowser {
  readonly flow: FlowId | undefined;
  /** The secret that it already has for this flow. */
  readonly cookie: string | undefined;
  /** Its remembered sign-in. */
  readonly session: string | undefined;
}

/** The use case behind GET /login. */
export function openLogin(
  ports: Pick<Ports, 'random'>,
  move: MoveFlow,
  sessions: Sessions,
): OpenLogin {
  return async ({ flow: id, cookie, session }) => {
    // Only a fresh secret ever opens a flow: one that a browser brings along could have been planted there.
    const secret = cookie ?? Buffer.from(ports.random.bytes(32)).toString('base64url');
    const type = cookie === undefined ? 'opened' : 'reopened';
    const opened = await move(id, { type, browser: sha256(secret) });
    if (!opened.ok) return failure(opened.failure);
    const flow = opened.value;
    const { csrf } = flowSecrets(flow.id, secret);
    const signedIn = flow.request.freshSignIn ? undefined : await sessions.recall(session);
    return success({ flow, csrf, cookie: secret, signedIn });
  };
}
