import { refuseForeignDatabase } from '../odoo/rpc-guard.ts';
import type { CallGuard } from './call-guard.ts';

/** The guards that a router's configuration may name. */
export const CALL_GUARDS = { 'odoo-rpc': refuseForeignDatabase } as const satisfies Record<string, CallGuard>;
export type CallGuardName = keyof typeof CALL_GUARDS;
