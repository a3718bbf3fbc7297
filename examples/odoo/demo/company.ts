import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@headgate/adapters/machine/free-port';
import { scriptedApproval } from '@headgate/example-psa/demo/approvals.ts';
import { adopt, type Telling } from '@headgate/example-psa/demo/story.ts';
import { World } from '@headgate/example-psa/demo/world.ts';
import { bringUpOdoo, type OdooExample } from '../bring-up.ts';
import { odooDocuments } from '../documents.ts';

/** The example's company in a folder of its own, under control as it runs, to try something with. */
export interface Company {
  readonly world: World<OdooExample>;
  readonly telling: Telling<OdooExample>;
  /** Production's cell. */
  readonly production: OdooExample['cells'][number];
  /** Stops everything and removes the folder. */
  remove(): Promise<void>;
}

/** Brings the company up and adopts both of its cells. `say` gets a line for each part. */
export async function foundCompany(
  say: (line: string) => void,
  { documents = odooDocuments(), productionWorkers = 0 } = {},
): Promise<Company> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-odoo-company-'));
  let world: World<OdooExample> | undefined;
  const remove = async (): Promise<void> => {
    await world?.stop();
    const home = await readlink(join(dataDir, 'system')).catch(() => undefined);
    if (home !== undefined) await rm(home, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    world = await World.around(
      { dataDir, port: await freePort(), report: say },
      {
        agent: 'agt_odoo',
        documents,
        bringUp: () => bringUpOdoo({ dataDir, failing: 'first', report: say, productionWorkers }),
      },
    );
    const telling = { world, say, approve: scriptedApproval(world) };
    await adopt(telling, documents);
    const production = world.example.cells.find(({ cell }) => cell.environment === 'production')!;
    return { world, telling, production, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
