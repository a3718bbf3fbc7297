/**
 * The HTTP API as data: every route with its wire schemas (zod), from which the OpenAPI 3.1 document and the one typed
 * client are made, and by which the server checks what it is sent. Imports nothing of ours, so that any face can stand
 * on it alone. Refusals travel as RFC 9457 problems.
 */
export * from './address.ts';
export * from './client.ts';
export * from './events.ts';
export * from './openapi.ts';
export * from './problem.ts';
export * from './route.ts';
export { MAX_LEASE_CELLS, MAX_LEASE_WAIT_MS } from './routes/agent-routes.ts';
export * from './routes.ts';
export type { Principal } from './schemas/access.ts';
export type { Assignment, Outcome } from './schemas/assignment.ts';
export type { Cell, CellState, ClosedOperation } from './schemas/cells.ts';
export type { Drill } from './schemas/drills.ts';
export type { Freeze, FreezeEffect } from './schemas/freezes.ts';
export type { AffectedTenant, Call, Incident, Matter } from './schemas/incident.ts';
export { type LogEvent, logEvent } from './schemas/log.ts';
export { MAX_MOVES, type Move } from './schemas/moves.ts';
export { type Delivery, deliveryState, previewed } from './schemas/notify.ts';
export { MAX_TOLD_DOCUMENTS, type Objection, type PinsOfCell } from './schemas/pins.ts';
export type { GoingBack, MigrationTimes, PlanOutline, PlanStep, WayBack } from './schemas/plans.ts';
export {
  type Explanation,
  type Promotion,
  promotionPhase,
  type Rollout,
  type Status,
  type Wait,
} from './schemas/promotions.ts';
export type { Reconciliation } from './schemas/reconciliations.ts';
export type { CellAccount, RecoveryShown, UnreadCell } from './schemas/recovery.ts';
export { type DocumentWithContent, MAX_BLOB_BYTES, type Release } from './schemas/releases.ts';
export type { Restoration } from './schemas/restorations.ts';
export { MAX_STANDBYS, MAX_TOLD_AGE_MS, type Standby } from './schemas/standbys.ts';
export { MAX_VAULTS, type Recoverability, type Vault } from './schemas/vaults.ts';
export * from './traceparent.ts';
export * from './visible.ts';
