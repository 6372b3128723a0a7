import type { Generator } from './processes.ts';
import { smallCall } from './requests.ts';
import { median } from './statistics.ts';
import type { Target } from './targets.ts';

/** What small JSON calls cost a target: medians over the rounds, and the medians of each round's ratio to the first target. */
export interface SmallCalls {
  readonly name: string;
  /** CPU time of the server process per request (microseconds). */
  readonly cpu: number;
  readonly cpuRatio: number;
  readonly perSecond: number;
  readonly throughputRatio: number;
  readonly errors: number;
}

interface Sample {
  readonly cpu: number;
  readonly perSecond: number;
  readonly errors: number;
}

/** Runs all targets in turn, round after round, so that what else the machine does falls on all alike. */
export async function smallCalls(
  targets: readonly Target[],
  generator: Generator,
  options: { readonly connections: number; readonly rounds: number; readonly milliseconds: number },
): Promise<readonly SmallCalls[]> {
  const samples = targets.map((): Sample[] => []);
  for (const target of targets) await sample(target, generator, { ...options, milliseconds: 1500 });
  for (let round = 0; round < options.rounds; round += 1) {
    // There and back again: whoever is first in one round is last in the next.
    const order = [...targets.keys()];
    if (round % 2 === 1) order.reverse();
    for (const index of order) {
      const target = targets[index];
      if (target) samples[index]?.push(await sample(target, generator, options));
    }
  }
  return targets.map(({ name }, index) => summary(name, samples[index] ?? [], samples[0] ?? []));
}

async function sample(
  { server, token }: Target,
  generator: Generator,
  { connections, milliseconds }: { readonly connections: number; readonly milliseconds: number },
): Promise<Sample> {
  const before = server.cpu();
  const request = smallCall(server.port, token);
  const load = { port: server.port, request, connections, milliseconds };
  const { requests, seconds, errors } = await generator.run(load);
  return { cpu: (server.cpu() - before) / requests, perSecond: requests / seconds, errors };
}

function summary(name: string, own: readonly Sample[], limit: readonly Sample[]): SmallCalls {
  const ratio = (key: 'cpu' | 'perSecond') =>
    median(own.map((each, round) => each[key] / (limit[round]?.[key] ?? Number.NaN)));
  return {
    name,
    cpu: median(own.map(({ cpu }) => cpu)),
    cpuRatio: ratio('cpu'),
    perSecond: median(own.map(({ perSecond }) => perSecond)),
    throughputRatio: ratio('perSecond'),
    errors: own.reduce((sum, { errors }) => sum + errors, 0),
  };
}
