/**
 * The control plane without its wiring: use cases (what people and agents ask for; a verb a file), controllers (what
 * moves by itself) and the ports that they need. A use case asks who may, gathers facts, lets a pure decider decide, and
 * commits the events on the versions that were read. Nothing here knows PostgreSQL, HTTP or a clock of its own.
 */

export * from './agent-pins.ts';
export * from './audit/audit-rows.ts';
export type { FoldMeans } from './audit/folds.ts';
export * from './controllers/controllers.ts';
export * from './controllers/promotion-controller.ts';
export * from './controllers/rollout-controller.ts';
export * from './declared-environments.ts';
export * from './deps.ts';
export * from './documents-in-store.ts';
export * from './facts.ts';
export * from './freeze-scopes.ts';
export * from './notify/delivery-controller.ts';
export * from './notify/notifier.ts';
export * from './notify/rules.ts';
export * from './ports/blobs.ts';
export type * from './ports/courier.ts';
export * from './ports/errors.ts';
export * from './ports/facets.ts';
export * from './ports/log.ts';
export type * from './ports/move-looks.ts';
export * from './ports/row-format.ts';
export type * from './ports/standby-looks.ts';
export * from './ports/store.ts';
export type * from './ports/vault-looks.ts';
export * from './records.ts';
export * from './recoverability.ts';
export * from './use-cases/adopt-cell.ts';
export * from './use-cases/answer-cell.ts';
export * from './use-cases/apply-documents.ts';
export * from './use-cases/attach-evidence.ts';
export * from './use-cases/begin-recovery.ts';
export * from './use-cases/change-principal.ts';
export * from './use-cases/command-promotion.ts';
export * from './use-cases/declare-freeze.ts';
export * from './use-cases/lease-step.ts';
export * from './use-cases/notify.ts';
export * from './use-cases/observe-cell.ts';
export { type OlderServing, olderServing } from './use-cases/older-serving.ts';
export * from './use-cases/overtaking.ts';
export * from './use-cases/plan-promotion.ts';
export * from './use-cases/principals.ts';
export * from './use-cases/read-back-cell.ts';
export * from './use-cases/record-drill.ts';
export * from './use-cases/record-reconciliation.ts';
export * from './use-cases/record-refusal.ts';
export * from './use-cases/record-restoration.ts';
export * from './use-cases/register-release.ts';
export * from './use-cases/request-promotion.ts';
export * from './use-cases/result.ts';
export * from './use-cases/settle-step.ts';
export * from './use-cases/take-up-undone.ts';
export * from './use-cases/tell-moves.ts';
export * from './use-cases/tell-standbys.ts';
export * from './use-cases/tell-vaults.ts';
