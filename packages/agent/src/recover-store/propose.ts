/** A proposal to put a store back in place: brings it back beside itself, compares both, and says what would be lost. Changes nothing. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { closeLog } from '@headgate/adapters/execution/pgbackrest/log-reach';
import { hasPgBackRest, openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { compareStores } from '@headgate/adapters/execution/recover/compare-stores';
import type { BackedStore } from '@headgate/adapters/execution/restore-points/backed-store';
import { endedBefore } from '@headgate/adapters/execution/restore-points/brought-beside';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { oneLine } from '@headgate/documents';
import type { StoreProposal } from '@headgate/domain';
import { bringBeside, momentWords } from '../recover/bring-beside.ts';
import { tenantsIn } from '../restoration/tenants-in.ts';
import type { ProposeAsk, Proposed } from './propose-ask.ts';
import { proposeTenant } from './propose-tenant.ts';
import { inSlots } from './serving.ts';

/** Throws, in words, why there is none. */
export async function proposeStore(ask: ProposeAsk): Promise<Proposed> {
  const { cell } = ask;
  return cell.kind === 'odoo' ? proposeTenant({ ...ask, cell }) : proposePhysical({ ...ask, cell });
}

async function proposePhysical(ask: ProposeAsk<CellConfig>): Promise<Proposed> {
  const { cell, store, moment, to, by, because, signal, say } = ask;
  const physical = physicalStore(cell, store, await findPrograms(15, cell.dir));
  await expectSameDisk(to, physical.cluster.dir);
  if ((await physical.cluster.postmaster())?.ready !== true)
    throw new Error(
      `the store ${store} doesn’t run, so what would be lost can’t be counted; start its agent, or rebuild the cell where it is lost: headgate-agent dr plan --config FILE`,
    );
  const brought = await bringBeside({ ...ask, reachedAt: await logClosed(physical, ask) });
  if (!brought.ok) throw new Error(brought.why);
  const { cluster, point, lastCommitAt } = brought.value;
  say('Both are compared, row by row and in all that isn’t a row …');
  const compared = await compareStores(physical, { cluster, database: physical.database, user: physical.user }, signal);
  const { live, was } = compared;
  if (live.system !== was.system)
    throw new Error(`what came back is of another cluster (${was.system}) than the store (${live.system})`);
  if (was.timeline <= live.timeline)
    throw new Error(
      `what came back is on the timeline ${was.timeline}, and the store on ${live.timeline}: its newest course isn’t ${hasPgBackRest(physical) ? 'in its repository' : 'in the vault'} yet; wait for the next round of its log`,
    );
  const firstLost = await endedBefore(cluster);
  const { tenants } = tenantsIn(cell, store);
  const { serving, idle } = await inSlots(cell, store);
  const proposal: StoreProposal = {
    ...{ environment: cell.environment, cell: cell.cell, store, moment: momentWords(moment), point },
    ...(lastCommitAt !== undefined && { keptAt: lastCommitAt }),
    ...(firstLost !== undefined && { firstLost }),
    ...{ ...compared, tenants, serving, files: physical.files.map(({ name }) => name) },
    ...{ place: join(to, 'cluster'), by, because: oneLine(because, 500), madeAt: Date.now() },
  };
  return { proposal, cluster, idle };
}

/** For the piece of the log that is being written to get to the repository. Milliseconds. */
const CLOSE_MS = 120_000;

/**
 * Up to when its log lies in its own repository now; undefined for a store in a vault, which says that itself. The agent's rounds may be
 * half a minute behind, and pgBackRest can't tell a moment that it doesn't have from one in which nobody wrote.
 */
async function logClosed(store: BackedStore, { signal, say }: ProposeAsk<CellConfig>): Promise<number | undefined> {
  if (!hasPgBackRest(store)) return undefined;
  say('Its log up to now is brought to its repository …');
  const bounds = { deadlineMs: CLOSE_MS, signal };
  return (await closeLog(store, await openPgBackRest(store), { now: Date.now, bounds })).at;
}

/** It is put into its place by a rename. */
async function expectSameDisk(to: string, clusterDir: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o755 });
  if ((await stat(to)).dev === (await stat(clusterDir)).dev) return;
  throw new Error(
    `${to} is on another disk than ${clusterDir}, and the store goes there by a rename: name a folder in ${dirname(clusterDir)}`,
  );
}
