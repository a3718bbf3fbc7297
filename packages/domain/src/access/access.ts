/** Who may do what: the one table. A principal has roles; an action names the roles that may take it. */
export const ROLES = ['developer', 'release-manager', 'approver', 'operator', 'auditor', 'agent', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Every verb of the control plane. `satisfies` keeps the table whole: a verb without a row doesn't compile. */
export const ACCESS = {
  read: ['developer', 'release-manager', 'approver', 'operator', 'auditor', 'admin'],
  apply: ['release-manager', 'admin'],
  adopt: ['operator', 'release-manager', 'admin'],
  'register-release': ['developer', 'release-manager', 'admin'],
  'attach-evidence': ['developer', 'release-manager', 'admin'],
  // An agent of what it brought back; a person of what was drilled on another machine.
  'record-drill': ['agent', 'operator', 'release-manager', 'admin'],
  // The same of what an agent carried out between two systems.
  'record-reconciliation': ['agent', 'operator', 'release-manager', 'admin'],
  // And of what was brought back out of restore points.
  'record-restoration': ['agent', 'operator', 'release-manager', 'admin'],
  promote: ['developer', 'release-manager', 'admin'],
  approve: ['approver'],
  // At the point of no return: as weighty as an approval, and at night it may be the release manager's.
  go: ['approver', 'release-manager', 'admin'],
  reject: ['approver', 'release-manager', 'admin'],
  pause: ['operator', 'release-manager', 'admin'],
  resume: ['operator', 'release-manager', 'admin'],
  rollback: ['operator', 'release-manager', 'admin'],
  // Who may both promote and roll back: it does the one and the other.
  overtake: ['release-manager', 'admin'],
  keep: ['release-manager', 'admin'],
  answer: ['operator', 'approver', 'release-manager', 'admin'],
  freeze: ['operator', 'release-manager', 'admin'],
  notify: ['operator', 'release-manager', 'admin'],
  'read-log': ['auditor', 'operator', 'release-manager', 'admin', 'agent'],
  'manage-principals': ['admin'],
  'carry-out': ['agent'],
} as const satisfies Record<string, readonly Role[]>;

export type Verb = keyof typeof ACCESS;

export interface Principal {
  readonly id: string;
  readonly roles: readonly Role[];
  /** For agents: the environments whose assignments they may carry out. */
  readonly environments?: readonly string[];
}

/** Whether a principal may take an action; if not, why and who may. */
export function mayDo(
  principal: Principal,
  verb: Verb,
): { readonly allowed: true } | { readonly allowed: false; readonly because: string } {
  const roles: readonly Role[] = ACCESS[verb];
  if (principal.roles.some((role) => roles.includes(role))) return { allowed: true };
  return {
    allowed: false,
    because: `${verb} takes one of the roles ${roles.join(', ')}; ${principal.id} has ${principal.roles.join(', ') || 'none'}`,
  };
}
