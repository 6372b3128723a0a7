import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Acknowledged, assertKept, killedWhileWriting } from '../support/disk-child.ts';

// node --import tsx test/soak/kill-disk-store.ts [rounds]: kills a process that writes to the store on disk at random moments, and looks after
// each time whether everything that was ever acknowledged is there.

const rounds = Number(process.argv[2] ?? 50);
const folder = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-soak-'));
const path = join(folder, 'store.mdb');
const acknowledged: Acknowledged[] = [];
try {
  for (let round = 1; round <= rounds; round += 1) {
    const reports = 1 + Math.floor(Math.random() * 500);
    acknowledged.push(...(await killedWhileWriting(path, `round-${round}`, reports)));
    await assertKept(path, acknowledged);
    const size = Math.round(statSync(path).size / 1024);
    console.log(
      `${round}/${rounds}: ${acknowledged.length} writes acknowledged and there, ${size} KiB`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
