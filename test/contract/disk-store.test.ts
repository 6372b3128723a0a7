import { join } from 'node:path';
import { openDiskStore } from '../../src/adapters/store/disk.ts';
import { recordsContract, standingClock } from '../../src/adapters/testing/testing.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let stores = 0;

recordsContract('the store on disk', async ({ limit }) => {
  const clock = standingClock();
  const limits = limit && {
    flows: limit,
    clients: limit,
    grants: limit,
    registrations: limit,
    assertions: limit,
  };
  stores += 1;
  const path = join(folder, `${stores}.mdb`);
  return { store: await openDiskStore(path, clock, { limits: limits || {} }), clock };
});
