/** The sequencer of a real server, on whose tree somebody put a node that can't be. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer, until } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';
import { asSuperuser } from '../testing/superuser.ts';

let server: RealServer;
beforeAll(async () => {
  server = await RealServer.start();
  await SmallCompany.found(server);
});
afterAll(() => server?.remove());

it('goes on after a node that somebody put where none can be, and names it', async () => {
  let [before, index] = [0, 0];
  // The first of its level that isn't complete yet: the sequencer comes to it, and may come sooner than we do.
  await until('it stands there', async () => {
    before = (await placedEntries(server)).length;
    index = Math.floor(before / 8);
    const { rowCount } = await asSuperuser(server, (db) =>
      db.query(
        "insert into headgate.log_node (level, index, hash) values (3, $1, sha256('x')) on conflict do nothing",
        [index],
      ),
    );
    return rowCount === 1;
  });
  const manager = await server.client('release-manager');
  const now = Date.now();
  for (let i = 0; i < 16; i++) {
    const freeze = { scope: 'staging', name: `f${i}`, from: now, to: now + 3_600_000, reason: 'month-end' };
    await manager.call('declareFreeze', { body: freeze });
  }
  expect((await placedEntries(server)).length).toBeGreaterThanOrEqual(before + 16);
  const auditor = await server.client('auditor');
  const size = async () => Number((await auditor.call('logHead')).split('\n')[1]);
  await until('the head names them', async () => (await size()) >= before + 16);
  await until('it is said', async () => server.errors.includes(`3/${index}`));
  const { ok } = await fetch(`${server.url}/readyz`);
  expect(ok).toBe(true);
});
