import { join } from 'node:path';
import { openDiskStore } from '../../src/adapters/store/disk.ts';
import { recordsContract, standingClock } from '../../src/adapters/testing/testing.ts';
import { everyLimit } from '../support/every-limit.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let stores = 0;

recordsContract('the store on disk', async ({ limit }) => {
  const clock = standingClock();
  const limits = everyLimit(limit);
  stores += 1;
  const path = join(folder, `${stores}.mdb`);
  const open = () => openDiskStore(path, clock, { limits });
  return { store: await open(), clock, openAgain: open };
});
