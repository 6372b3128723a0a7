import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A folder of its own for the tests of a file, gone when they are over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
