import { type ApplicationContent, application } from './application.ts';
import { type CalendarContent, calendar } from './calendar.ts';
import { type CellContent, cell } from './cell.ts';
import type { Kind } from './document.ts';
import { type EnvironmentContent, environment } from './environment.ts';
import { type MaskingContent, masking } from './masking.ts';
import { type NotificationContent, notification } from './notification.ts';
import { type PolicyContent, policy } from './policy.ts';
import { type ReconciliationContent, reconciliation } from './reconciliation.ts';
import { type TenantContent, tenant } from './tenant.ts';
import { type TenantRowsContent, tenantRows } from './tenant-rows.ts';
import { type VerificationContent, verification } from './verification.ts';

/** The kinds of documents, in the order in which people declare them. Adding one: a file, and a line in both lists. */
export const KINDS = [
  application,
  environment,
  cell,
  tenant,
  calendar,
  policy,
  verification,
  reconciliation,
  notification,
  masking,
  tenantRows,
] as const satisfies readonly Kind[];

export type AnyContent =
  | ApplicationContent
  | EnvironmentContent
  | CellContent
  | TenantContent
  | CalendarContent
  | PolicyContent
  | VerificationContent
  | ReconciliationContent
  | NotificationContent
  | MaskingContent
  | TenantRowsContent;

export type KindName = AnyContent['kind'];

export const KIND_NAMES: readonly KindName[] = KINDS.map((each) => each.kind);

/** A kind by its name. */
export function kindNamed(name: unknown): (typeof KINDS)[number] | undefined {
  return KINDS.find((each) => each.kind === name);
}
