/**
 * Brings Odoo up as a company would run it before Headgate comes: staging with one tenant and production with four, each
 * tenant a database and a filestore, release 19.0.1 of our module in one slot of each cell, and a router. All of it stands
 * on the adapters' own functions and folders, so the agent finds and adopts what runs. Everything outlives the process
 * that brought it up; bringing it up again adopts what lives and starts what died.
 */
import { BroughtUpCell } from './bring-up/cell.ts';
import { exampleCells, type Failing } from './bring-up/example-cells.ts';
import { cellConfigOf, openLayout } from './bring-up/layout.ts';
import { BASELINE, type BuiltRelease, odooRelease } from './build.ts';
import { type OdooParts, odooParts } from './parts/index.ts';

export interface OdooExample {
  readonly root: string;
  readonly parts: OdooParts;
  readonly cells: readonly BroughtUpCell[];
  /** 19.0.1, unsigned, as it was put into the slots: what an adoption is given. */
  readonly baseline: BuiltRelease;
  /** Stops every process of the example. Data stays. */
  stop(): Promise<void>;
}

/** Brings everything up below `dataDir` and answers once it serves. `report` gets a line for each part. */
export async function bringUpOdoo(args: {
  readonly dataDir: string;
  readonly failing: Failing;
  readonly report: (line: string) => void;
  /** Of production's Odoo; none: it serves by threads. */
  readonly productionWorkers?: number;
}): Promise<OdooExample> {
  const { dataDir, report } = args;
  const parts = await odooParts(report);
  report(`Odoo ${parts.odoo.version} on PostgreSQL ${parts.postgresql.version}`);
  const declared = exampleCells(args.failing, args.productionWorkers);
  const layout = await openLayout(dataDir, declared);
  const baseline = await odooRelease(BASELINE);
  const cells = declared.map((cell) => new BroughtUpCell(cell, cellConfigOf(layout, cell, parts)));
  const stop = async (): Promise<void> => {
    for (const cell of cells) await cell.stop();
  };
  try {
    // One after the other: the first makes the template's dump, which the second takes.
    for (const each of cells) {
      const how = await each.bringUp(baseline, parts.odoo.sha256);
      const names = each.cell.tenants.map(({ id }) => each.host(id)).join(', ');
      const what = how === 'started' ? `${BASELINE} was started` : 'what ran there runs again';
      report(`cell ${each.cell.cell}: ${what}; customers at ${each.url} as ${names}`);
    }
  } catch (error) {
    // Half an example helps nobody; what was started ends, so that the next try begins from rest.
    await stop().catch(() => {});
    throw error;
  }
  return { root: layout.root, parts, cells, baseline, stop };
}
