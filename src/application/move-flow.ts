import {
  type Flow,
  type FlowEvent,
  type FlowId,
  type FlowRefusal,
  flowKeptUntil,
  nextStage,
} from '../domain/authorization-flow.ts';
import type { EpochSeconds } from '../domain/lifetime.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { Ports } from './ports.ts';

/** Why a step of a flow is refused; `unknown` where there is no such flow (any more), `forged` where its form was not ours. */
export type StepRefusal = FlowRefusal | 'unknown' | 'forged';

/** Reads a flow, applies events to it in their order, and writes it as one step; decides again where another step was faster. */
export type MoveFlow = (
  id: FlowId | undefined,
  ...events: readonly FlowEvent[]
) => Promise<Result<Flow, StepRefusal>>;

/** Refuses a step before its flow was even looked at. */
export type RefuseStep = (
  id: FlowId | undefined,
  reason: StepRefusal,
) => Result<never, StepRefusal>;

/** Refusals of steps are told to the operator, whoever decides about them. */
export function refuseStep(ports: Pick<Ports, 'events'>): RefuseStep {
  return (id, reason) => {
    ports.events.emit({ type: 'step_refused', flow: id, reason });
    return failure(reason);
  };
}

/** What every step of a flow has in common. */
export function moveFlow(
  ports: Pick<Ports, 'clock' | 'store' | 'events'>,
  refuse: RefuseStep,
): MoveFlow {
  return async (id, ...events) => {
    if (id === undefined) return refuse(id, 'unknown');
    const moved = await tryMove(ports, id, events);
    return moved.ok ? moved : refuse(id, moved.failure);
  };
}

async function tryMove(
  ports: Pick<Ports, 'clock' | 'store'>,
  id: FlowId,
  events: readonly FlowEvent[],
): Promise<Result<Flow, StepRefusal>> {
  for (;;) {
    const stored = await ports.store.flows.read(id);
    if (stored === undefined) return failure('unknown');
    const moved = applied(stored.value, events, ports.clock.now());
    if (!moved.ok || moved.value === stored.value) return moved;
    const { value } = moved;
    const until = flowKeptUntil(value);
    const outcome = await ports.store.flows.write(id, value, stored.version, until);
    if (outcome.type === 'written') return success(value);
  }
}

function applied(
  flow: Flow,
  events: readonly FlowEvent[],
  now: EpochSeconds,
): Result<Flow, FlowRefusal> {
  let moved: Result<Flow, FlowRefusal> = success(flow);
  for (const event of events) {
    if (moved.ok) moved = nextStage(moved.value, event, now);
  }
  return moved;
}
