/** An exercise: a cell rebuilt from its vault, the log and its configuration in a place that is thrown away, timed and compared. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exercisePlace } from '@headgate/adapters/execution/rebuild/exercise-place';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { digestOfJson, type SignedBundle, signRebuildExercise } from '@headgate/documents';
import { type ExerciseFacts, planRebuild, type RebuildPlan, type Refusal } from '@headgate/domain';
import { ownFolder } from '../rehearse/open-copy.ts';
import { type DrAsk, verificationOf } from './ask.ts';
import { carryOut } from './carry-out.ts';
import type { CellToRebuild } from './cell-to-rebuild.ts';
import { keepExercise } from './evidence.ts';
import { tooNewToExercise } from './external-stores.ts';
import { gatherFacts } from './facts.ts';
import { inTheWay } from './place.ts';

export interface Exercised {
  readonly facts: ExerciseFacts;
  readonly bundle: SignedBundle;
}

/** Carries one out; what was rebuilt is gone in any case. Refusals: nothing was begun. Throws when it is interrupted. */
export async function exercise(
  ask: DrAsk,
  workDir: string | undefined,
  needsTransactions = false,
): Promise<Exercised | { readonly refusals: readonly Refusal[] }> {
  const { config, cell, signal, say } = ask;
  const began = performance.now();
  const startedAt = Date.now();
  const root = workDir ?? cell.vault.drill?.workDir ?? join(tmpdir(), `headgate-exercises-${process.getuid?.() ?? 0}`);
  await ownFolder(root);
  // Odoo is started as it is anywhere: what its databases name of others, it makes harmless itself.
  const rehearsal = cell.kind === 'odoo' ? undefined : cell.rehearsal;
  const begins = startsOnCopy(cell);
  const verification = await verificationOf(ask, rehearsal?.tenants ?? Object.keys(cell.tenants));
  const lacks = withoutTransactions(ask, verification !== undefined);
  if (lacks !== undefined && needsTransactions) return { refusals: [lacks] };
  const place = await exercisePlace(root, cell);
  try {
    const gathered = await gatherFacts({ ...ask, target: place.config });
    const transactions = cell.vault.drill?.transactions;
    const asked = transactions !== undefined || verification !== undefined;
    const planned = planRebuild({ ...gathered.facts, transactions: asked });
    if (!planned.ok) return planned;
    const { plan } = planned;
    const refusals = [
      ...(await inTheWay(place.config, plan, undefined)),
      ...(cell.kind === 'odoo' ? [] : tooNewToExercise(cell, gathered.dumps)),
    ];
    if (refusals.length > 0) return { refusals };
    // It takes long: whoever meant to give one hears of it now, and not at the end.
    if (lacks !== undefined) say(`This will not be a sound exercise: ${lacks.why}. ${lacks.unblock}.`);
    const run = {
      ...{ agent: config, trust: ask.trust, plan: begins ? plan : withoutApplication(plan), gathered },
      ...{ source: cell, target: place.config, only: componentsOf(cell), copy: true, place: place.dir, transactions },
      ...{ verification: begins ? verification : undefined, programsDir: place.programsDir },
      ...{ configurationDir: join(place.dir, 'configuration'), signal, say, detail: ask.detail },
      isDone: async () => false,
      begun: () => false,
      done: async () => {},
    };
    const came = await carryOut(run, run.plan.steps, () => performance.now() - began);
    const { environment, application } = plan;
    const facts: ExerciseFacts = {
      ...{ environment, cell: cell.cell, application, plan: digestOfJson(plan), startedAt, at: Date.now(), ...came },
      releases: came.routed === 0 ? [] : plan.serving.slots.map(({ slot, release }) => ({ slot, ...release })),
      missing: begins
        ? []
        : [`the application wasn’t started: the cell’s file doesn’t say how it is on a copy (rehearsal)`],
    };
    const bundle = signRebuildExercise(facts, await vaultKey(cell.vault.keyFile));
    if (facts.steps.every(({ failed }) => failed === undefined))
      await keepExercise(gathered.vault, plan, bundle, signal).catch((error: Error) =>
        say(`The statement couldn’t be kept in the vault: ${error.message}`),
      );
    return { facts, bundle };
  } finally {
    say('What was rebuilt is taken away …');
    await place.remove();
  }
}

function startsOnCopy(cell: CellToRebuild): boolean {
  return cell.kind === 'odoo' || cell.rehearsal !== undefined;
}

/** Components that are started on a copy; `undefined`: all. */
function componentsOf(cell: CellToRebuild): readonly string[] | undefined {
  return cell.kind === 'odoo' ? undefined : (cell.rehearsal?.components ?? [cell.webComponent]);
}

/** Where nobody says how the application is started on a copy, its stores come back, and nothing of it. */
function withoutApplication(plan: RebuildPlan): RebuildPlan {
  return { ...plan, steps: plan.steps.filter(({ kind }) => kind !== 'application' && kind !== 'traffic') };
}

/** Why no business transaction would be carried out; undefined: one would. */
function withoutTransactions({ cell }: DrAsk, given: boolean): Refusal | undefined {
  if (cell.vault.drill?.transactions !== undefined) return undefined;
  const what = 'exercise the cell';
  const where = `cell/${cell.cell}`;
  if (!given)
    return {
      ...{ code: 'no-verification', what, where },
      why: 'no verification is given, and no program of business transactions is declared: nobody will know whether what came back can be used, nor after how long',
      unblock: 'Give one (--verification FILE), or declare vault.drill.transactions',
    };
  if (startsOnCopy(cell)) return undefined;
  return {
    ...{ code: 'no-verification', what, where },
    why: 'the application isn’t started on a copy, so the verification that is given can’t be carried out',
    unblock: 'Say in the cell’s file how it is started on one (rehearsal), or declare vault.drill.transactions',
  };
}
