import { readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { type ClientShape, clientShapes, habits, traps } from './client-shapes.ts';
import { startClientStage } from './client-stage.ts';
import { walkEmulated } from './emulated-client.ts';
import { walkSdk } from './sdk-client.ts';
import { checkTraps } from './trap-checks.ts';

const between = /(<!-- verified -->\n)[\s\S]*?(<!-- \/verified -->)/;

/** Goes the whole way of a client, and past everything that it is known to stumble over. */
export async function verify(test: Pick<TestContext, 'after'>, shape: ClientShape): Promise<void> {
  const stage = await startClientStage(test, shape);
  if (shape.sdk === undefined) await walkEmulated(stage, shape);
  else await walkSdk(stage, shape);
  await checkTraps(stage, shape);
}

/** One row's name, for tests. */
export function nameOf({ client, by, method, document }: ClientShape): string {
  const way = by === 'document' ? `its document ${document}` : by;
  return `${client} by ${way}, with ${method}`;
}

/** docs/clients.md, as it is and with the table that these shapes make. */
export function verifiedClients(failed: ReadonlySet<ClientShape> = new Set()): {
  readonly actual: string;
  readonly expected: string;
} {
  const actual = readFileSync('docs/clients.md', 'utf8');
  return { actual, expected: actual.replace(between, `$1${table(failed)}$2`) };
}

function table(failed: ReadonlySet<ClientShape>): string {
  const head =
    '| client | known by | returns to | proves itself by | refresh | checked besides | what ran | |\n|---|---|---|---|---|---|---|---|\n';
  return head + clientShapes.map((shape) => row(shape, failed.has(shape))).join('');
}

function row(shape: ClientShape, failed: boolean): string {
  const { client, by, document, redirectUri, method, habit, sdk } = shape;
  const known = by === 'document' ? `document \`${document}\`` : by;
  const cells = [
    client,
    known,
    `\`${redirectUri}\``,
    `\`${method}\``,
    sdk === undefined ? habits[habit] : habits.when_refused,
    shape.traps.map((trap) => traps[trap]).join('; '),
    ran(shape),
    failed ? 'fails' : '✓',
  ];
  return `| ${cells.join(' | ')} |\n`;
}

/** Only an SDK's own row is the real thing: of the clients that have it inside, nothing else ran. */
function ran({ client, sdk }: ClientShape): string {
  if (sdk === undefined) return 'emulated';
  return client.endsWith(sdk) ? `real: ${sdk}` : `${sdk}, which it uses`;
}

/** Verifies all of them, outside any test. */
async function verifyAll(): Promise<ReadonlySet<ClientShape>> {
  const failed = new Set<ClientShape>();
  for (const shape of clientShapes) {
    const ends: (() => unknown)[] = [];
    try {
      await verify({ after: (end) => void ends.push(end as () => unknown) }, shape);
    } catch {
      failed.add(shape);
    }
    for (const end of ends.reverse()) await end();
  }
  return failed;
}

if (process.argv[1]?.endsWith('verified-clients.ts')) {
  writeFileSync('docs/clients.md', verifiedClients(await verifyAll()).expected);
}
