/** A compensation plan as a file: canonical JSON, bounded, and with nothing in it that doesn't follow from its lines. */
import { type CompensationPlan, compensationOf, type Digest, EFFECTS, TRANSACTION_CLASSES } from '@headgate/domain';
import { classLines, compensationLines } from '@headgate/domain/reconcile/compensation-words';
import { z } from 'zod';
import { canonicalJson } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { digest, list, name, oneOf, text, whole } from '../schema/fields.ts';
import { dotted, problemsOf } from '../schema/problems.ts';

/** Of a plan's file, and lines of one plan. */
export const MAX_PLAN_BYTES = 4 * 1024 * 1024;
const MAX_LINES = 20_000;
const MAX_TENANTS = 100_000;

const amount = z.string().regex(/^-?\d{1,100}(\.\d{1,100})?$/);
const unit = z.string().min(1).max(20);
const tenant = z.string().min(1).max(500);

const line = z.strictObject({
  key: z.string().max(2_000),
  tenant,
  class: oneOf(...TRANSACTION_CLASSES),
  rule: name.nullable(),
  effect: oneOf(...EFFECTS, 'ask'),
  why: z.string().max(4_000),
  given: digest.exactOptional(),
  amounts: list(
    z.strictObject({
      field: name,
      unit: unit.exactOptional(),
      left: amount.nullable(),
      right: amount.nullable(),
    }),
    0,
    200,
  ),
});

const planForm = z.strictObject({
  reconciliation: name,
  document: digest,
  environment: name,
  cell: name,
  store: name,
  among: list(tenant, 1, MAX_TENANTS),
  lines: list(line, 0, MAX_LINES),
  atStake: list(z.strictObject({ unit: unit.exactOptional(), amount }), 0, 1_000),
  tenants: whole(0),
  risk: z.strictObject({ level: oneOf('low', 'medium', 'high'), because: list(text(2_000), 1, 1_000) }),
  money: z
    .strictObject({
      field: name,
      minorDigits: whole(0, 9).exactOptional(),
      mediumFrom: whole(0).exactOptional(),
      highFrom: whole(0).exactOptional(),
    })
    .exactOptional(),
});

export type CompensationPlanRefusal = Refused<'plan-too-large' | 'plan-malformed' | 'plan-not-derived'>;
export type OpenedCompensationPlan =
  | { readonly ok: true; readonly plan: CompensationPlan; readonly digest: Digest }
  | CompensationPlanRefusal;

const WHAT = 'compensation plan';
const ANEW = 'have it written anew, with `headgate-agent reconcile DOCUMENT … --plan FILE`';

/** The plan's canonical text; refuses one that is larger than is ever read. */
export function compensationPlanText(
  plan: CompensationPlan,
): { readonly ok: true; readonly text: string } | CompensationPlanRefusal {
  const written = canonicalJson(plan);
  const opened = openCompensationPlan(written);
  if (opened.ok) return { ok: true, text: written };
  return { ...opened, unblock: 'look at fewer tenants at a time, with `--tenants`' };
}

/** Reads a plan's text; never throws on what comes from outside. What a file says of its own risk is reckoned anew. */
export function openCompensationPlan(content: string): OpenedCompensationPlan {
  if (Buffer.byteLength(content) > MAX_PLAN_BYTES)
    return refuse('plan-too-large', WHAT, `it has more than ${MAX_PLAN_BYTES} bytes`, { unblock: ANEW });
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return refuse('plan-malformed', WHAT, 'it is not JSON', { unblock: ANEW });
  }
  const parsed = planForm.safeParse(value);
  if (!parsed.success) {
    const [problem] = problemsOf(parsed.error, value, planForm);
    const where = dotted(problem?.path ?? []);
    const why = `at ${where}: expected ${problem?.expected}, found ${problem?.found}`;
    return refuse('plan-malformed', WHAT, why, { where, unblock: ANEW });
  }
  const plan = parsed.data as CompensationPlan;
  const canonical = canonicalJson(plan);
  if (canonicalJson(compensationOf(plan, plan.lines, plan.money)) !== canonical)
    return refuse('plan-not-derived', WHAT, 'its order, stakes or risk are not what its lines come to', {
      unblock: ANEW,
    });
  return { ok: true, plan, digest: digestOf(canonical) };
}

/** The plan as people read it before they say yes: what was caught, what would be done, what is at stake, the risk. */
export function compensationPlanWords(plan: CompensationPlan, digestOfPlan: Digest): readonly string[] {
  const { reconciliation, store, cell, environment, among, document, money } = plan;
  const tenants = `${among.length.toLocaleString('en-US')} tenant${among.length === 1 ? '' : 's'}`;
  return [
    `${reconciliation}: the store ${store} of the cell ${cell} in ${environment}, ${tenants}.`,
    '',
    'Caught between the two sides',
    ...classLines(plan),
    '',
    'What would be done, in this order',
    ...compensationLines(plan, money),
    '',
    `plan      ${digestOfPlan}`,
    `document  ${document}`,
  ];
}
