/** Applies a difference that somebody approved, and says what was done: signed where the cell has a key for it. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { type AppliedDifference, applyDifference } from '@headgate/adapters/execution/tenant-rows/apply-difference';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import {
  type DifferenceFile,
  openDifferenceApproval,
  openDifferenceFile,
  signTenantRecovered,
  type TenantRecovered,
  type Trust,
  tenantRecoveredStatement,
} from '@headgate/documents';
import { type DifferenceApproval, judgeApproval, type Refusal } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import { readBundle } from '../reconcile/read-files.ts';
import { appliedBefore, keepApplied } from './applied-record.ts';
import { heldLines, holdIn, newestFence } from './held.ts';
import { expectListed } from './listed.ts';
import { rulesRefusal } from './pinned-rules.ts';
import type { ReadTenantRows } from './read-rules.ts';
import { cellOfStore, expectTenant, liveStore, othersOf } from './stores.ts';

export interface ApplyTenantAsk {
  readonly config: Pick<AgentConfig, 'cells' | 'dataDir' | 'environments'>;
  readonly trust: Pick<Trust, 'signers'>;
  readonly file: string;
  readonly approvals: readonly string[];
  /** By which the difference has to be, where they were given. */
  readonly rules?: ReadTenantRows;
  /** Who runs it, by the id that the trust file knows them by. */
  readonly by: string;
  readonly now: () => number;
  /** Takes what is said before anything is done. */
  readonly told?: (lines: readonly string[]) => void;
  /** Hears of what is applied, also of what an earlier call applied and may not have told. */
  report?(file: DifferenceFile, facts: TenantRecovered, cell: CellConfig): Promise<void>;
}

export type AppliedTenant =
  | {
      readonly ok: true;
      readonly file: DifferenceFile;
      readonly facts: TenantRecovered;
      readonly applied: AppliedDifference;
      /** Where the statement lies, and whether it is signed. */
      readonly statement: { readonly path: string; readonly signed: boolean };
    }
  | { readonly ok: true; readonly file: DifferenceFile; readonly already: true }
  | { readonly ok: false; readonly refusal: Refusal };

const HOW = '`headgate recover-tenant approve FILE --key KEY --approver ID --out APPROVAL`';

export async function applyTenant(ask: ApplyTenantAsk): Promise<AppliedTenant> {
  const { config, trust, by, now } = ask;
  const file = await openDifferenceFile(ask.file);
  const { difference, digest } = file;
  const cell = cellOfStore(config, difference.store, difference.cell);
  if (cell.environment !== difference.environment)
    throw new Error(
      `the difference is of ${difference.environment}, and the cell ${cell.cell} is in ${cell.environment}`,
    );
  expectTenant(cell, difference.store, difference.tenant);
  expectListed(trust, difference.by, `who made ${ask.file}`);
  const strange = rulesRefusal(config, difference, ask.rules);
  if (strange !== undefined) return { ok: false, refusal: strange };
  const store = await liveStore(cell, difference.store);
  // Before anything is done: what can't be signed afterwards is better known now.
  const key = cell.vault === undefined ? undefined : await vaultKey(cell.vault.keyFile);
  const path = `${ask.file}.applied.json`;
  const state = async (facts: TenantRecovered): Promise<void> => {
    const statement = tenantRecoveredStatement(difference, digest, facts);
    const written = key === undefined ? statement : signTenantRecovered(statement, key);
    await writeDurably(path, `${JSON.stringify(written)}\n`, 0o600);
  };
  const before = await appliedBefore(config.dataDir, digest, store);
  const stated = (await readIfThere(path)) !== undefined;
  if (before === undefined && stated)
    throw new Error(`${path} is there, and says of something else that it was applied: move one of the two`);
  // Killed between the commit and its statement.
  if (before !== undefined && !stated) await state(before);
  // The same words each time: the log takes them once.
  if (before !== undefined) await ask.report?.(file, before, cell);
  const approvals: DifferenceApproval[] = [];
  for (const each of ask.approvals) {
    const opened = openDifferenceApproval(await readBundle(each, HOW), trust);
    if (!opened.ok) return { ok: false, refusal: { ...opened, what: 'take the approval', where: each } };
    approvals.push(opened.approval);
  }
  const judged = judgeApproval(difference, digest, approvals, by, now());
  if (!judged.ok) return judged;
  const fence = await newestFence(config.dataDir, cell.cell);
  const others = othersOf(cell, difference.store, difference.tenant, ask.rules?.content.spec);
  const hold = await holdIn(cell, difference.tenant, config.dataDir);
  ask.told?.(heldLines(difference.tenant, hold));
  const outcome = await applyDifference({
    ...{ file, store, cell: cell.cell, fence, by, others, now },
    ...(before !== undefined && { appliedAt: before.at }),
    beforeCommit: (applied, transaction) =>
      keepApplied(config.dataDir, digest, transaction, factsOf(file, applied, by, judged.approval)),
  }).finally(() => (hold.held ? hold.release() : undefined));
  if (!outcome.ok) return outcome;
  if ('already' in outcome) return { ok: true, file, already: true };
  const { applied } = outcome;
  const facts = factsOf(file, applied, by, judged.approval);
  await state(facts);
  await ask.report?.(file, facts, cell);
  return { ok: true, file, facts, applied, statement: { path, signed: key !== undefined } };
}

function factsOf(
  { difference: { tables } }: DifferenceFile,
  { at, others, reverse }: AppliedDifference,
  by: string,
  approval: DifferenceApproval,
): TenantRecovered {
  const sum = (of: 'back' | 'away' | 'changed'): number => tables.reduce((total, table) => total + table[of], 0);
  return {
    ...{ by, approval: { by: approval.by, digest: approval.digest }, at },
    rows: { back: sum('back'), away: sum('away'), changed: sum('changed') },
    ...{ others, reverse: reverse.digest },
  };
}
