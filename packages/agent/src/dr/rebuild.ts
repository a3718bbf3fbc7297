/** A cell rebuilt for good, where its configuration has it, by a named person's word: all of it, or one step of its plan. */
import { join } from 'node:path';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { digestOfJson } from '@headgate/documents';
import { planRebuild, type RebuildPlan, type RebuildStep, type Refusal } from '@headgate/domain';
import { type DrAsk, verificationOf } from './ask.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import { serversInTheWay } from './external-stores.ts';
import { gatherFacts } from './facts.ts';
import { inTheWay, readRebuild, StandingRebuild, WORK } from './place.ts';

export interface RebuildAsk extends DrAsk {
  readonly by: string;
  readonly because: string;
  /** Id of the one step; absent: all that isn't done. */
  readonly step: string | undefined;
}

export type Rebuilt =
  | { readonly refusals: readonly Refusal[] }
  | { readonly plan: RebuildPlan; readonly came: CarriedOut; readonly asked: readonly RebuildStep[] };

export async function rebuild(ask: RebuildAsk): Promise<Rebuilt> {
  const { config, cell, by, because, signal, say } = ask;
  const began = performance.now();
  const verification = await verificationOf(ask, Object.keys(cell.tenants));
  const gathered = await gatherFacts({ ...ask, target: cell });
  const planned = planRebuild({ ...gathered.facts, transactions: verification !== undefined });
  if (!planned.ok) return planned;
  const { plan } = planned;
  const before = await readRebuild(cell);
  const asked = plan.steps.filter(({ id }) => ask.step === undefined || id === ask.step);
  const refusals = [
    ...(await inTheWay(cell, plan, before)),
    ...(await serversInTheWay(cell, plan, gathered.dumps, before)),
    ...notItsTurn(ask, plan, asked, before?.done ?? {}),
  ];
  if (refusals.length > 0) return { refusals };
  // Two that do this at once would take each other's work away; opening the cell holds it, too.
  const hold = await holdCell(join(cell.dir, WORK));
  try {
    const who = { plan: digestOfJson(plan), by, because, now: Date.now() };
    const standing = await StandingRebuild.begin(cell, who, before);
    const run = {
      ...{ agent: config, trust: ask.trust, plan, gathered, source: cell, target: cell, verification, signal, say },
      ...{ configurationDir: join(config.dataDir, 'rebuilt'), programsDir: join(cell.dir, WORK, 'programs') },
      detail: ask.detail,
      isDone: (step: RebuildStep) => standing.isDone(step),
      begun: (id: string) => standing.begun(id),
      done: standing.done.bind(standing),
    };
    return { plan, asked, came: await carryOut(run, asked, () => performance.now() - began) };
  } finally {
    await hold.release();
  }
}

/** A step whose needs aren't done, and one that there isn't. */
function notItsTurn(
  { step, cell, configFile }: RebuildAsk,
  plan: RebuildPlan,
  asked: readonly RebuildStep[],
  done: Readonly<Record<string, unknown>>,
): readonly Refusal[] {
  if (step === undefined) return [];
  const refuse = (why: string, unblock: string): Refusal => ({
    ...{ code: 'rebuild-step', what: `rebuild ${cell.cell}`, where: `step ${step}`, why, unblock },
  });
  const [found] = asked;
  if (found === undefined)
    return [refuse('the plan has no such step', `one of ${plan.steps.map(({ id }) => id).join(', ')}`)];
  const missing = found.needs.filter((id) => done[id] === undefined);
  return missing.length === 0
    ? []
    : [refuse(`${missing.join(', ')} isn’t done yet`, `headgate-agent dr plan --config ${configFile} says the order`)];
}
