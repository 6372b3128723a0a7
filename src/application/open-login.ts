import type { Flow, FlowId } from '../domain/authorization-flow.ts';
import { flowSecrets } from '../domain/flow-secrets.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { sha256 } from '../domain/secret-hash.ts';
import type { MoveFlow, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';

/** Screen 1, as a browser may see it. */
export interface LoginScreen {
  readonly flow: Flow;
  readonly csrf: string;
  /** The secret for the browser's cookie: the one it brought, or a fresh one. */
  readonly cookie: string;
}

/** Opens screen 1 in a browser; the first browser to do so owns the flow. `cookie`: the secret that it already has for this flow. */
export type OpenLogin = (
  id: FlowId | undefined,
  cookie: string | undefined,
) => Promise<Result<LoginScreen, StepRefusal>>;

/** The use case behind GET /login. */
export function openLogin(ports: Pick<Ports, 'random'>, move: MoveFlow): OpenLogin {
  return async (id, cookie) => {
    // Only a fresh secret ever opens a flow: one that a browser brings along could have been planted there.
    const secret = cookie ?? Buffer.from(ports.random.bytes(32)).toString('base64url');
    const type = cookie === undefined ? 'opened' : 'reopened';
    const opened = await move(id, { type, browser: sha256(secret) });
    if (!opened.ok) return failure(opened.failure);
    const { csrf } = flowSecrets(opened.value.id, secret);
    return success({ flow: opened.value, csrf, cookie: secret });
  };
}
