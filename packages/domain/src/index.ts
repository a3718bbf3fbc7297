/**
 * Headgate's domain: the model and everything that decides. Pure and synchronous: no clock, no randomness, no I/O, so
 * that a simulator can live through millions of releases before a customer does.
 *
 * - `model/`: what there is: releases, cells, outcomes, what people declare, refusals.
 * - `plan/`: the planner answers a request with a plan, plain data; `undo.ts` says what undoing any prefix of it means,
 *   `envelope.ts` what an approval of it covers, `render.ts` how a person reads it.
 * - `gates/`: one question a file, judged on facts; `catalog.ts` lists them and says where they stand.
 * - `analysis/`: what a signed analysis of migrations comes to; `rehearsal/`: what a rehearsal does, of
 *   migrations or of a promotion with its undo.
 * - `promotion/`, `rollout/`, `hypercare/`: three machines of one shape. `state.ts` tells the machine in prose,
 *   `decide.ts` has `next…(state, facts) -> events or when to look again`, commands have `decide…(…) -> events or a
 *   refusal`, and `evolve…(state, event) -> state` folds what the log holds. Time comes in as a fact.
 * - `notify/`: who is told of what, and when; a message’s life until it is sent or given up; CDEvents.
 * - `recovery/`: what a restored control plane makes of what agents tell of their cells; how a cell that is lost is rebuilt.
 * - `moved/`: data that is written in two places, and whether both say the same.
 * - `standby/`: what was seen of a store's standby, and whether one could fail over to it.
 * - `vault/`: which restore points and backups stay in a vault, how fresh they are, when the next is due; what a drill came to;
 *   what an agent saw of them.
 * - `reconcile/`: what became of a transaction that was caught between two sides, and the plan that mends it.
 * - `explain/`: what is waited for and who may do what, asked of those same deciders.
 * - `calendars/`, `access/`, `protocol/`: windows and freezes, the table of roles, fences.
 *
 * States are stored for weeks and never replayed, so `corpus/` keeps what every version stored, and today's code goes on
 * with all of it. `calendars/evaluate.ts` stands outside of this index: it alone loads the calendar library.
 */

export * from './access/access.ts';
export * from './calendars/window.ts';
export * from './explain/actions.ts';
export * from './explain/declined.ts';
export * from './explain/entry-words.ts';
export * from './explain/explain-promotion.ts';
export * from './explain/freeze-effect.ts';
export * from './explain/incident.ts';
export * from './explain/kept-before.ts';
export * from './explain/migration-times.ts';
export * from './explain/moves.ts';
export * from './explain/plan-in-words.ts';
export * from './explain/told.ts';
export * from './explain/transactions.ts';
export * from './explain/whom-to-call.ts';
export * from './gates/catalog.ts';
export * from './gates/gate.ts';
export { waitsForGo } from './gates/go-no-go.ts';
export { ANALYSIS } from './gates/migrations-analysed.ts';
export { REHEARSAL } from './gates/rehearsed.ts';
export { RESTORE_DRILL } from './gates/restore-drilled.ts';
export { ROLLBACK_REHEARSAL } from './gates/rollback-rehearsed.ts';
export { evolveSoaked, type SoakEvent, type Soaked, soaksIn } from './gates/soaking.ts';
export { TEST_RESULT } from './gates/tests-passed.ts';
export * from './hypercare/hypercare.ts';
export * from './model/cell.ts';
export * from './model/contact.ts';
export * from './model/identity.ts';
export * from './model/operation.ts';
export * from './model/outcome.ts';
export * from './model/refusal.ts';
export * from './model/release.ts';
export * from './model/specs.ts';
export * from './moved/moved-data.ts';
export * from './notify/circuit.ts';
export * from './notify/decide.ts';
export * from './notify/delivery.ts';
export * from './notify/happening.ts';
export * from './notify/rule.ts';
export { reachesEverybody } from './plan/asked-tenants.ts';
export type { SchemaUser } from './plan/contract-order.ts';
export type { WayBackUser } from './plan/contract-users.ts';
export * from './plan/envelope.ts';
export {
  answersForOlderCode,
  type RanAhead,
  type RanMigration,
  rangesAreDerived,
  storesAhead,
  takenWords,
  takesAway,
} from './plan/older-code.ts';
export * from './plan/overtaking.ts';
export * from './plan/plan.ts';
export * from './plan/planner.ts';
export * from './plan/recoverability.ts';
export * from './plan/render.ts';
export { actionText } from './plan/render-words.ts';
export * from './plan/risk.ts';
export * from './plan/two-decisions.ts';
export * from './plan/undo.ts';
export { type UserElsewhere, usersIn } from './plan/users-elsewhere.ts';
export * from './product.ts';
export * from './promotion/commands.ts';
export * from './promotion/decide.ts';
export { HOLD_MS, UNDO_MS } from './promotion/endings.ts';
export type * from './promotion/events.ts';
export * from './promotion/evolve.ts';
export * from './promotion/overtake.ts';
export * from './promotion/replaced.ts';
export * from './promotion/state.ts';
export * from './promotion/taken-back.ts';
export * from './protocol/agent-pins.ts';
export * from './protocol/fence.ts';
export * from './reconcile/approved-compensation.ts';
export * from './reconcile/compensation.ts';
export * from './reconcile/covers-compensation.ts';
export * from './reconcile/difference.ts';
export * from './reconcile/reconciled.ts';
export * from './reconcile/side-sums.ts';
export * from './reconcile/transaction-class.ts';
export type * from './recovery/account.ts';
export * from './recovery/beside-rows.ts';
export * from './recovery/dependency-order.ts';
export * from './recovery/gap.ts';
export * from './recovery/judge-cell.ts';
export * from './recovery/proposed-tenant.ts';
export * from './recovery/rebuild-exercise.ts';
export * from './recovery/rebuild-plan.ts';
export * from './recovery/restoration.ts';
export * from './recovery/store-figures.ts';
export * from './recovery/store-proposal.ts';
export * from './recovery/take-up.ts';
export * from './recovery/unread.ts';
export { misfitOfState } from './recovery/where-it-stands.ts';
export type { MigrationTime } from './rehearsal/promised.ts';
export * from './rollout/assignment.ts';
export * from './rollout/cell-after.ts';
export * from './rollout/decide.ts';
export type * from './rollout/events.ts';
export * from './rollout/evolve.ts';
export * from './rollout/looks.ts';
export * from './rollout/outcome-rules.ts';
export * from './rollout/state.ts';
export * from './rollout/undone-away.ts';
export * from './standby/standby.ts';
export * from './tenant-rows/approved.ts';
export * from './tenant-rows/by-rules.ts';
export * from './tenant-rows/catalogue.ts';
export * from './tenant-rows/difference.ts';
export * from './tenant-rows/misfit.ts';
export * from './tenant-rows/plan.ts';
export * from './tenant-rows/propose.ts';
export * from './tenant-rows/propose-schemas.ts';
export * from './tenant-rows/rule.ts';
export * from './tenant-rows/schema.ts';
export * from './tenant-rows/sequences.ts';
export * from './tenant-rows/synthesize.ts';
export * from './tenant-rows/tally.ts';
export * from './vault/backup.ts';
export * from './vault/census.ts';
export * from './vault/drill.ts';
export * from './vault/freshness.ts';
export * from './vault/retention.ts';
export * from './vault/schedule.ts';
export * from './vault/vault-look.ts';
