/** Whether enough people said yes to a compensation plan, by its risk. */
import type { Digest, Instant } from '../model/identity.ts';
import type { Refusal } from '../model/refusal.ts';
import { counted } from '../plan/render-words.ts';
import type { CompensationPlan, CompensationRisk } from './compensation.ts';

/** How many different people must approve a plan of each risk. */
export type CompensationApprovals = Readonly<Record<CompensationRisk, number>>;

export const USUAL_COMPENSATION_APPROVALS: CompensationApprovals = { low: 0, medium: 1, high: 2 };

/** An approval whose signature was verified, by a key that the agent's own trust lists for that person. */
export interface CompensationApproval {
  readonly by: string;
  /** Digest of the plan that the person saw. */
  readonly plan: Digest;
  readonly at: Instant;
  readonly notAfter: Instant;
  /** Digest of the signed statement. */
  readonly digest: Digest;
}

/** How far ahead the clock of the machine that signed may be. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

export interface ApprovedCompensation {
  readonly plan: CompensationPlan;
  /** Of the plan. */
  readonly digest: Digest;
  readonly approvals: readonly CompensationApproval[];
  readonly needed: CompensationApprovals;
  /** Who runs it, by the id that people are approved by; undefined: nobody said. */
  readonly by: string | undefined;
}

export type JudgedCompensation =
  /** Those that count: one of each person. */
  | { readonly ok: true; readonly counted: readonly CompensationApproval[] }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Counts the approvals of exactly this plan that hold now: each person once, and whoever runs it not at all. Where any is
 * needed it must be known who that is, or somebody could be their own second pair of eyes.
 */
export function judgeCompensation(of: ApprovedCompensation, now: Instant): JudgedCompensation {
  const { plan, digest, approvals, by } = of;
  const needed = of.needed[plan.risk.level];
  if (needed === 0) return { ok: true, counted: [] };
  const risk = `its risk is ${plan.risk.level} (${plan.risk.because.join('; ')})`;
  if (by === undefined)
    return no(
      plan,
      'who-runs',
      `${risk}, so that it takes ${counted(needed, 'approval')} of others than who runs it, and nobody said who that is`,
      'say it with `--as ID`, the id by which the trust file knows you',
    );
  const good = new Map<string, CompensationApproval>();
  const bad: string[] = [];
  for (const approval of approvals) {
    const why = fault(approval, digest, by, now) ?? (good.has(approval.by) ? 'is there twice' : undefined);
    if (why === undefined) good.set(approval.by, approval);
    else bad.push(`that of ${approval.by} ${why}`);
  }
  if (good.size >= needed) return { ok: true, counted: [...good.values()] };
  const missing = needed - good.size;
  const there = good.size === 0 ? 'none counts' : `${[...good.keys()].join(', ')} approved`;
  return no(
    plan,
    'approvals-missing',
    `${risk}: it takes ${counted(needed, 'approval')} of different people, and ${[there, ...bad].join('; ')}`,
    `${missing} more: each on a machine of their own, \`headgate reconcile approve PLAN --key KEY --approver ID --out FILE\`, with a key that the agent's trust file lists for them; then give each here with \`--approval FILE\``,
  );
}

function fault(
  { by, plan, at, notAfter }: CompensationApproval,
  digest: Digest,
  runs: string,
  now: Instant,
): string | undefined {
  if (plan !== digest) return `is of another plan (${plan})`;
  if (by === runs) return 'is of who runs it';
  if (notAfter <= now) return `ended at ${new Date(notAfter).toISOString()}`;
  if (at > now + CLOCK_STEP_MS) return `is dated ahead, at ${new Date(at).toISOString()}`;
  return undefined;
}

function no(
  { cell, store }: CompensationPlan,
  code: string,
  why: string,
  unblock: string,
): { readonly ok: false; readonly refusal: Refusal } {
  const where = `${cell}/${store}`;
  return { ok: false, refusal: { code, what: 'carry out this compensation plan', where, why, unblock } };
}
