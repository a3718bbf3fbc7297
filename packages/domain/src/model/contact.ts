/** Whom to call: declared beside what they answer for, as given. Never on the log, which names documents by digest alone. */

/** In the order in which somebody is called when nothing else decides. */
export const CONTACT_ROLES = ['on-call', 'owner', 'data-loss', 'support', 'customer'] as const;
export type ContactRole = (typeof CONTACT_ROLES)[number];

export interface Contact {
  /** A person, a desk or a rota. */
  readonly name: string;
  /** `data-loss`: who agrees to losing what was written. `customer`: the tenant's own people. */
  readonly role: ContactRole;
  readonly phone?: string;
  readonly email?: string;
  readonly chat?: string;
  /** When they are there, in words. */
  readonly hours?: string;
}
