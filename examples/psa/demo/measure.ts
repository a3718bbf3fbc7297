import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agreement } from '../audit.ts';
import { openAuditTargets } from '../bring-up/audit-targets.ts';
import { type Closing, closingFigures } from './figures.ts';
import { readLog } from './log.ts';
import type { PromotionEnd } from './story.ts';
import { until } from './until.ts';
import type { RunningSystem, World } from './world.ts';

/** How long the last invoices may take to reach the ledger once the customers went home. Milliseconds. */
const SETTLE_MS = 30_000;

/**
 * Waits until what was created last has reached the ledger and until the agent holds the newest tree head. If the books
 * never agree, it goes on all the same: the figures will say so.
 */
export async function settle(world: World): Promise<void> {
  const targets = await openAuditTargets(world.example);
  try {
    const agree = async (): Promise<true | undefined> => (await agreement(targets)).agrees || undefined;
    await until('the books to agree', SETTLE_MS, agree, 500).catch(() => {});
  } finally {
    await targets.close();
  }
  await agentHoldsHead(world);
}

/** Waits until the agent holds the newest tree head. */
export async function agentHoldsHead<S extends RunningSystem>(world: World<S>): Promise<void> {
  const auditor = await world.client('auditor');
  const signed = treeSize(await auditor.call('logHead'));
  const held = async (): Promise<true | undefined> =>
    treeSize(await readFile(world.headFile, 'utf8')) >= signed || undefined;
  await until('the agent to hold the newest tree head', 20_000, held);
}

/** Measures a run at its targets, as they are now. */
export async function measure(world: World, journalFile: string, ends: readonly PromotionEnd[]): Promise<Closing> {
  const targets = await openAuditTargets(world.example);
  try {
    const auditor = await world.client('auditor');
    const log = await readLog(auditor, { head: world.headFile, trust: join(world.dataDir, 'agent', 'trust.yaml') });
    const { content, ...verdict } = log;
    return await closingFigures({
      entries: content,
      log: verdict,
      journalFile,
      stores: targets.stores,
      erp: targets.erp,
      rings: new Map(ends.map((end) => [end.id, end.rings])),
    });
  } finally {
    await targets.close();
  }
}

/** The size in a checkpoint's second line; what it is worth is verified later. */
function treeSize(note: string): number {
  return Number(note.split('\n')[1]);
}
