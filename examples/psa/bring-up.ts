/**
 * Brings the example up as a company would run it before Headgate comes: staging, production's shared cell and its
 * dedicated cell, each with a store on a cluster of its own, release 1.0.0 and a router, and the ERP beside them. All of
 * it stands on the adapters' own functions and folders, so the agent finds and adopts what runs. Everything outlives the
 * process that brought it up; bringing it up again adopts what lives and starts what died.
 */
import { reachableProgram } from '@headgate/adapters/machine/program-copy';
import { runAs } from '@headgate/adapters/machine/run-as';
import { findPrograms } from '@headgate/adapters/postgres-cluster/index';
import { BroughtUpCell } from './bring-up/cell.ts';
import { cellConfigOf } from './bring-up/cell-config.ts';
import { ErpService } from './bring-up/erp-service.ts';
import { openLayout } from './bring-up/layout.ts';
import { ensureTenantTokens } from './bring-up/secrets.ts';
import { psaManifest } from './build.ts';
import { EXAMPLE_CELLS } from './tenants.ts';

export interface Example {
  /** The folder that holds all of it. */
  readonly root: string;
  readonly cells: readonly BroughtUpCell[];
  readonly erp: ErpService;
  /** 1.0.0, unsigned, as it was put into the slots: what an adoption is given. */
  readonly baseline: Awaited<ReturnType<typeof psaManifest>>;
  /** Stops every process of the example. Data stays. */
  stop(): Promise<void>;
}

/**
 * Brings everything up below `dataDir` and answers once it serves. `report` gets a line for each part; `scale` makes new
 * stores that much smaller or larger than the example says.
 */
export async function bringUp(args: {
  readonly dataDir: string;
  readonly report?: (line: string) => void;
  readonly scale?: number;
}): Promise<Example> {
  const report = args.report ?? (() => {});
  const layout = await openLayout(args.dataDir);
  const programs = await findPrograms(15, args.dataDir);
  const node = await reachableProgram(process.execPath, `node-${process.version}`, runAs());
  const baseline = await psaManifest('1.0.0');
  const erp = new ErpService(layout, programs, node);
  const scaled = EXAMPLE_CELLS.map((cell) => ({
    ...cell,
    timeEntries: Math.ceil(cell.timeEntries * (args.scale ?? 1)),
  }));
  const cells = scaled.map((cell) => new BroughtUpCell(cell, cellConfigOf(layout, cell, erp, node), programs));

  const stop = async (): Promise<void> => {
    await Promise.all(cells.map((each) => each.stop()));
    await erp.stop();
  };
  try {
    await startAll(erp, cells, baseline, report);
  } catch (error) {
    // Half an example helps nobody; what was started ends, so that the next try begins from rest.
    await stop().catch(() => {});
    throw error;
  }
  return { root: layout.root, cells, erp, baseline, stop };
}

async function startAll(
  erp: ErpService,
  cells: readonly BroughtUpCell[],
  baseline: Example['baseline'],
  report: (line: string) => void,
): Promise<void> {
  const parts = await Promise.allSettled([
    erp.ensure().then(() => report(`the ERP answers at ${erp.url}`)),
    ...cells.map(async (each) => {
      await ensureTenantTokens(
        each.tokensFile,
        each.cell.tenants.map((tenant) => tenant.id),
      );
      await each.bringUpStore(baseline);
      report(`${each.cell.store} holds ${each.cell.timeEntries} time entries of ${each.cell.tenants.length} tenants`);
    }),
  ]);
  // All are waited for, so that none goes on behind the back of whoever handles the failure.
  for (const part of parts) if (part.status === 'rejected') throw part.reason;

  const ledger = await erp.connection();
  for (const each of cells) {
    const how = await each.bringUpCode(baseline, ledger);
    report(`cell ${each.cell.cell}: release ${baseline.manifest.version} ${HOW[how]}, customers at ${each.url}`);
  }
}

const HOW = {
  started: 'was started',
  adopted: 'or a later one runs already',
  held: 'or a later one runs already, in the hands of an agent',
} as const;
