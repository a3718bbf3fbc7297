/** Everything by which a wish to carry a compensation plan out is refused, before anybody looks at a store. */
import { digestOfJson, openCompensationApproval, openCompensationPlan, type Trust } from '@headgate/documents';
import { type ReconciliationContent, reconciliation } from '@headgate/documents/kinds/reconciliation';
import {
  type CompensationApproval,
  type CompensationPlan,
  type Digest,
  judgeCompensation,
  type Refusal,
  USUAL_COMPENSATION_APPROVALS,
} from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import type { AgentConfig } from '../config.ts';
import type { CarryOutAsk } from './carry-out-ask.ts';

export interface JudgedAsk {
  readonly plan: CompensationPlan;
  readonly digest: Digest;
  readonly document: ReconciliationContent;
  /** Those that count. */
  readonly approvals: readonly CompensationApproval[];
}

export type Judged<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/** `now`: the agent's clock. */
export function judgeAsk(
  ask: CarryOutAsk,
  { cells, environments }: Pick<AgentConfig, 'cells' | 'environments'>,
  trust: Pick<Trust, 'signers'>,
  now: number,
): Judged<JudgedAsk> {
  const opened = openCompensationPlan(ask.plan);
  if (!opened.ok) return { ok: false, refusal: { ...opened } };
  const { plan, digest } = opened;
  const place = placeFault(plan, cells);
  if (place !== undefined) return place;
  const read = reconciliation.document.safeParse(ask.document);
  const document = read.success ? (read.data as ReconciliationContent) : undefined;
  const found = document && digestOfJson(document);
  if (document === undefined || found !== plan.document)
    return refuseAsk(
      plan,
      'other-document',
      `the plan was made by the document ${plan.document}, and this one is ${found ?? 'none'}`,
      'give that document; or have the plan written anew by this one (`--plan FILE`), and approved',
    );
  const pinned = environments.find(({ name }) => name === plan.environment)?.documents;
  if (pinned !== undefined && !pinned.includes(plan.document))
    return refuseAsk(
      plan,
      'other-document',
      `nobody pinned the document ${plan.document} here`,
      'read it, and have a person add its digest to the environment’s `documents` in agent.yaml',
    );
  const approvals: CompensationApproval[] = [];
  for (const { file, bundle } of ask.approvals) {
    const approval = openCompensationApproval(bundle, trust);
    if (!approval.ok)
      return refuseAsk(plan, approval.code, `the approval ${file}: ${approval.why}`, unblocksApproval(approval));
    approvals.push(approval.approval);
  }
  const needed = document.spec.approvals ?? USUAL_COMPENSATION_APPROVALS;
  const judged = judgeCompensation({ plan, digest, approvals, needed, by: ask.by }, now);
  return judged.ok ? { ok: true, value: { plan, digest, document, approvals: judged.counted } } : judged;
}

/** A key that a person adds to the file counts only for an agent that has read it. */
function unblocksApproval({ code, unblock }: Pick<Refusal, 'code' | 'unblock'>): string {
  const mends = unblock || 'leave it out, or have it signed again by a key that the agent’s trust file lists';
  return code === 'key-unknown'
    ? `${mends}; an agent reads its trust file as it starts: one that runs is started anew then (headgate-agent stop --config FILE --agent-only, and headgate-agent run --config FILE)`
    : mends;
}

/** Why the plan isn't one of a store of this agent's. */
function placeFault(plan: CompensationPlan, cells: AgentConfig['cells']): Judged<never> | undefined {
  const { cell: name, environment, store, among } = plan;
  const cell = cells.find((each) => each.cell === name && each.environment === environment);
  if (cell === undefined)
    return refuseAsk(
      plan,
      'other-place',
      `it is of the cell ${name} in ${environment}, which this agent doesn’t have`,
      `carry it out on the machine of that cell’s agent; here are ${named(cells.map((each) => each.cell))}`,
    );
  const there = (tenant: string): boolean =>
    Object.hasOwn(cell.tenants, tenant) && cell.tenants[tenant]!.store === store;
  const strange = among.filter((tenant) => !there(tenant));
  if (strange.length === 0) return undefined;
  return refuseAsk(
    plan,
    'other-place',
    `the store ${store} has no tenant ${named(strange)} any more`,
    'have the plan written anew (`--plan FILE`), and approved',
  );
}

export function refuseAsk(
  { cell, store }: Pick<CompensationPlan, 'cell' | 'store'>,
  code: string,
  why: string,
  unblock: string,
): { readonly ok: false; readonly refusal: Refusal } {
  return {
    ok: false,
    refusal: { code, what: 'carry out this compensation plan', where: `${cell}/${store}`, why, unblock },
  };
}
