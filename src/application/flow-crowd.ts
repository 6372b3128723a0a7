import type { FlowId } from '../domain/authorization-flow.ts';
import type { Ports } from './ports.ts';

/** How many flows that this process began may wait for somebody to sign in. */
export interface FlowLimits {
  readonly perSender: number;
  readonly total: number;
}

/** Takes note of a flow that was begun. Where there are too many, the oldest for which nobody has signed in yet leaves. */
export type NoteFlow = (flow: FlowId, sender: string) => Promise<void>;

/**
 * Keeps what strangers leave behind by beginning logins from filling the store. Where all together are too many, one of the sender that has most
 * leaves: who begins without end, and be it from many addresses, puts out its own, and nobody who is still typing. Of one sender the newest stay: whoever
 * is at the keyboard has just begun. A flow in which somebody has signed in is never touched.
 */
export function flowCrowd(
  ports: Pick<Ports, 'clock' | 'store'>,
  { perSender, total }: FlowLimits,
): NoteFlow {
  const crowd = new Crowd();
  return async (flow, sender) => {
    const own = crowd.add(flow, sender);
    const leaving = own.flows.size > perSender ? crowd.drop(own) : crowd.dropBeyond(total);
    if (leaving === undefined) return;
    const stored = await ports.store.flows.read(leaving);
    if (stored === undefined || !isWaiting.has(stored.value.stage)) return;
    // Expired at once; where somebody moved it on meanwhile, nothing is written.
    await ports.store.flows.write(leaving, stored.value, stored.version, ports.clock.now());
  };
}

/** What one sender has begun, the oldest first. */
export interface Begun {
  readonly sender: string;
  readonly flows: Set<FlowId>;
}

/** Who has begun how many. Nothing here takes longer the more there are. */
export class Crowd {
  readonly #bySender = new Map<string, Begun>();
  /** The senders with so many flows; what lies at `#most` is never empty, unless there is nobody. */
  readonly #bySize = new Map<number, Set<Begun>>();
  #most = 0;
  #all = 0;

  add(flow: FlowId, sender: string): Begun {
    const own = this.#bySender.get(sender) ?? { sender, flows: new Set<FlowId>() };
    this.#bySender.set(sender, own);
    this.#resized(own, () => own.flows.add(flow));
    this.#all += 1;
    this.#most = Math.max(this.#most, own.flows.size);
    return own;
  }

  /** Takes out the oldest of a sender; absent where there is none. */
  drop(own: Begun): FlowId | undefined {
    const [oldest] = own.flows;
    if (oldest === undefined) return undefined;
    this.#resized(own, () => own.flows.delete(oldest));
    this.#all -= 1;
    if (own.flows.size === 0) this.#bySender.delete(own.sender);
    if (!this.#bySize.has(this.#most)) this.#most -= 1;
    return oldest;
  }

  /** Takes out the oldest of whoever has most, where all together have more than so many; absent where they have not. */
  dropBeyond(total: number): FlowId | undefined {
    const [largest] = this.#bySize.get(this.#most) ?? [];
    return this.#all > total && largest !== undefined ? this.drop(largest) : undefined;
  }

  #resized(own: Begun, change: () => unknown): void {
    const before = this.#bySize.get(own.flows.size);
    before?.delete(own);
    if (before?.size === 0) this.#bySize.delete(own.flows.size);
    change();
    const { size } = own.flows;
    if (size === 0) return;
    const alike = this.#bySize.get(size) ?? new Set();
    this.#bySize.set(size, alike.add(own));
  }
}

const isWaiting: ReadonlySet<string> = new Set(['started', 'sign_in']);
