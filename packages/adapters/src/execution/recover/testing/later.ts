/** For tests only: rows that are written after a restore point, and which of them a recovered store has. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withClient } from '../../../postgres-cluster/database.ts';
import type { DrilledWorld } from '../../drill/testing/drilled-world.ts';
import { type Moment, recoverAside } from '../recover-aside.ts';

export interface Later {
  /** Writes rows of these numbers, a transaction each. */
  numbers(from: number, to: number): Promise<void>;
  /** The numbers that come back, or why none does. What is brought back is ended and removed. */
  recovered(moment: Moment, id?: string): Promise<{ readonly why?: string; readonly rows?: readonly number[] }>;
}

export function later(world: DrilledWorld): Later {
  let places = 0;
  return {
    async numbers(from, to) {
      for (let n = from; n <= to; n++) await world.query(`insert into entry values (${n}, 'later')`);
    },
    async recovered(moment, id) {
      const to = join(world.real.dir, `recovered-${++places}`);
      const { backed, ask } = world;
      const { vault, trust, identities, signal } = ask;
      const answer = await recoverAside({
        ...{ store: backed, of: ask.from, vault, trust, identities, moment, id, to, signal },
        ...{ deadlineMs: 60_000, say: () => {} },
      });
      if (!answer.ok) return { why: answer.why };
      const { cluster } = answer.value;
      try {
        const rows = await withClient(await cluster.connection('app'), async (client) => {
          const found = await client.query<{ n: number }>(`select n from entry where note = 'later' order by n`);
          return found.rows.map(({ n }) => n);
        });
        return { rows };
      } finally {
        await cluster.stop(0);
        await rm(to, { recursive: true, force: true });
      }
    },
  };
}
