import type { FlowOfUser, UpstreamAsk } from '../domain/authorization-flow.ts';
import type { FlowSecrets } from '../domain/flow-secrets.ts';
import { codeChallengeOf } from '../domain/pkce.ts';
import { type Result, success } from '../domain/result.ts';
import { bindingTo, upstreamAuthorizationUrl } from '../domain/upstream-request.ts';
import type { Upstream } from '../domain/upstream-server.ts';
import type { ChooseScope } from './choose-scope.ts';
import type { MoveFlow, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';

/**
 * Sends the browser of a flow to the upstream; the value is the URL. What is asked there is kept with the flow, so that the answer can be
 * judged by it (MCP authorization, "Authorization Response Validation"). `again`: once more, for something that went wrong the first time.
 */
export type SendUpstream = (
  flow: FlowOfUser,
  secrets: FlowSecrets,
  upstream: Upstream,
  again: boolean,
) => Promise<Result<string, StepRefusal>>;

interface SendParts {
  readonly ports: Pick<Ports, 'events'>;
  readonly move: MoveFlow;
  readonly callbackUrl: () => string;
  readonly chooseScope: ChooseScope;
}

/** The step from screen 1 to screen 2. */
export function sendUpstream({ ports, move, callbackUrl, chooseScope }: SendParts): SendUpstream {
  return async (flow, secrets, upstream, again) => {
    const asked = await chooseScope(flow.request, flow.subject, upstream.server);
    const ask: UpstreamAsk = { binding: bindingTo(upstream, asked), again };
    const sent = await move(flow.id, { type: 'sent', ask });
    if (!sent.ok) return sent;
    ports.events.emit({ type: 'sent_upstream', flow: flow.id, again });
    return success(
      upstreamAuthorizationUrl(upstream, {
        redirectUri: callbackUrl(),
        state: secrets.state,
        challenge: codeChallengeOf(secrets.verifier),
        scope: asked,
        resource: ask.binding.resource,
      }),
    );
  };
}
