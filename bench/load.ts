import { connect } from 'node:net';
import { MessageSplitter } from './wire.ts';

// The load generator: a process of its own that takes one job at a time over IPC. Bare sockets, so that it takes little of the machine.

/** What to send, and how hard. */
export interface Load {
  readonly port: number;
  readonly request: string;
  readonly connections: number;
  readonly milliseconds: number;
  /** Requests per second over all connections; without it each connection asks again as soon as it has its answer. */
  readonly rate?: number;
}

/** What came of it. */
export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  /** Microseconds, ascending. */
  readonly latencies: readonly number[];
}

class Connection {
  readonly #load: Load;
  readonly #answered: (latency: number, ok: boolean) => void;
  readonly socket;
  #sentAt = 0n;
  /** Due while the one before was still under way: their waiting counts. */
  readonly #due: bigint[] = [];
  busy = false;

  constructor(load: Load, answered: (latency: number, ok: boolean) => void) {
    this.#load = load;
    this.#answered = answered;
    this.socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
    const splitter = new MessageSplitter((head) => this.#end(head.startsWith('HTTP/1.1 200')), {
      keepBody: false,
    });
    this.socket.on('data', (bytes) => splitter.push(bytes));
    this.socket.on('error', () => this.#end(false));
  }

  send(dueAt: bigint): void {
    if (this.busy) {
      this.#due.push(dueAt);
      return;
    }
    this.busy = true;
    this.#sentAt = dueAt;
    this.socket.write(this.#load.request, 'latin1');
  }

  #end(ok: boolean): void {
    this.busy = false;
    this.#answered(Number(process.hrtime.bigint() - this.#sentAt) / 1000, ok);
    const next = this.#due.shift();
    if (next !== undefined) this.send(next);
  }
}

async function run(load: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  let errors = 0;
  let over = false;
  const connections = Array.from({ length: load.connections }, () => {
    const connection: Connection = new Connection(load, (latency, ok) => {
      if (ok) latencies.push(latency);
      else errors += 1;
      if (!over && load.rate === undefined && ok) connection.send(process.hrtime.bigint());
    });
    return connection;
  });
  const start = process.hrtime.bigint();
  const timer =
    load.rate === undefined ? startAll(connections) : pace(connections, load.rate, start);
  await new Promise((resolve) => setTimeout(resolve, load.milliseconds));
  over = true;
  clearInterval(timer);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const requests = latencies.length;
  for (const { socket } of connections) socket.destroy();
  return { requests, errors, seconds, latencies: latencies.sort((a, b) => a - b) };
}

function startAll(connections: readonly Connection[]): undefined {
  for (const connection of connections) connection.send(process.hrtime.bigint());
}

/** An open loop: what is late is counted from when it was due (no coordinated omission). */
function pace(connections: readonly Connection[], rate: number, start: bigint): NodeJS.Timeout {
  let sent = 0;
  return setInterval(() => {
    const due = Math.floor((Number(process.hrtime.bigint() - start) / 1e9) * rate);
    for (; sent < due; sent += 1) {
      const dueAt = start + BigInt(Math.round((sent / rate) * 1e9));
      connections[sent % connections.length]?.send(dueAt);
    }
  }, 1);
}

process.on('message', (load: Load) => {
  void run(load).then((result) => process.send?.(result));
});
process.send?.('ready');
