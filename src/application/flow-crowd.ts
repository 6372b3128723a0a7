import type { FlowId } from '../domain/authorization-flow.ts';
import type { Ports } from './ports.ts';

/** How many flows that this process began may wait for somebody to sign in. */
export interface FlowLimits {
  readonly perSender: number;
  readonly total: number;
}

/** What one sender has begun. */
interface Begun {
  readonly sender: string;
  readonly flows: Set<FlowId>;
}

/** Takes note of a flow that was begun. Where there are too many, the oldest for which nobody has signed in yet leaves. */
export type NoteFlow = (flow: FlowId, sender: string) => Promise<void>;

/**
 * Keeps what strangers leave behind by beginning logins from filling the store. The newest stay: whoever is at the keyboard has just
 * begun. A flow in which somebody has signed in is never touched.
 */
export function flowCrowd(
  ports: Pick<Ports, 'clock' | 'store'>,
  { perSender, total }: FlowLimits,
): NoteFlow {
  // Both in the order in which the flows began.
  const all = new Map<FlowId, Begun>();
  const bySender = new Map<string, Begun>();

  const tooMany = ({ flows }: Begun): FlowId | undefined => {
    const [oldestOwn] = flows;
    if (flows.size > perSender) return oldestOwn;
    const [oldest] = all.keys();
    return all.size > total ? oldest : undefined;
  };
  const forget = (flow: FlowId) => {
    const begun = all.get(flow);
    all.delete(flow);
    begun?.flows.delete(flow);
    if (begun?.flows.size === 0) bySender.delete(begun.sender);
  };
  return async (flow, sender) => {
    const own = bySender.get(sender) ?? { sender, flows: new Set<FlowId>() };
    own.flows.add(flow);
    bySender.set(sender, own);
    all.set(flow, own);
    const leaving = tooMany(own);
    if (leaving === undefined) return;
    forget(leaving);
    const stored = await ports.store.flows.read(leaving);
    if (stored === undefined || !isWaiting.has(stored.value.stage)) return;
    // Expired at once; where somebody moved it on meanwhile, nothing is written.
    await ports.store.flows.write(leaving, stored.value, stored.version, ports.clock.now());
  };
}

const isWaiting: ReadonlySet<string> = new Set(['started', 'sign_in']);
