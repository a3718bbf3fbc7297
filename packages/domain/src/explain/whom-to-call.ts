/** Whom to call first, and why, from the contacts that were declared and what is the matter. */
import { CONTACT_ROLES, type Contact } from '../model/contact.ts';
import { counted } from '../plan/render-words.ts';
import type { AffectedTenant, Matter } from './incident.ts';

/** The contacts of one document: `Environment/production`. */
export interface DeclaredContacts {
  readonly kind: 'Application' | 'Environment' | 'Tenant';
  /** Of a tenant `cell/tenant`. */
  readonly name: string;
  readonly contacts: readonly Contact[];
}

export interface Call extends Contact {
  /** Where it is declared. */
  readonly of: string;
  readonly because: string;
}

export interface CallFacts {
  readonly matters: readonly Matter[];
  /** Those that are held, as many as were looked up. */
  readonly held: readonly AffectedTenant[];
  readonly declared: readonly DeclaredContacts[];
  /** Environments in which a step waits for somebody who agrees to losing data. */
  readonly dataLossAsked: ReadonlySet<string>;
}

/** As many as anybody calls. */
const MOST = 40;

/**
 * The order: who is on call for an environment with a matter, who is on call for its application, who agrees to losing
 * data where that is asked, the owners, support, and at last the people of tenants that are held. Environments in which
 * tenants are held come before others. Each once, with the first reason.
 */
export function whomToCall(facts: CallFacts): { readonly calls: readonly Call[]; readonly unknown: readonly string[] } {
  const ranked: { readonly call: Call; readonly rank: readonly number[] }[] = [];
  for (const { kind, name, contacts } of facts.declared) {
    const own = facts.matters.filter(
      (m) => (kind === 'Environment' && m.environment === name) || (kind === 'Application' && m.application === name),
    );
    const held = own.reduce((most, m) => Math.max(most, m.held), 0);
    for (const contact of contacts) {
      const because = reasonFor(contact, kind, name, own, facts);
      if (because === undefined) continue;
      const place =
        contact.role === 'data-loss' && !asked(kind, name, facts) ? 3.5 : CONTACT_ROLES.indexOf(contact.role);
      const depth = kind === 'Environment' ? 0 : kind === 'Application' ? 1 : 2;
      ranked.push({ call: { ...contact, of: `${kind}/${name}`, because }, rank: [place, Number(held === 0), depth] });
    }
  }
  ranked.sort((a, b) => a.rank.reduce((order, n, i) => order || n - (b.rank[i] as number), 0));
  const calls = new Map<string, Call>();
  for (const { call } of ranked) {
    const key = JSON.stringify([call.name, call.phone, call.email, call.chat]);
    if (!calls.has(key)) calls.set(key, call);
  }
  return { calls: [...calls.values()].slice(0, MOST), unknown: nobodyFor(facts) };
}

function asked(kind: DeclaredContacts['kind'], name: string, { matters, dataLossAsked }: CallFacts): boolean {
  if (kind === 'Environment') return dataLossAsked.has(name);
  return matters.some((m) => m.application === name && dataLossAsked.has(m.environment));
}

function reasonFor(
  { role }: Contact,
  kind: DeclaredContacts['kind'],
  name: string,
  own: readonly Matter[],
  facts: CallFacts,
): string | undefined {
  if (kind === 'Tenant')
    return facts.held.some((t) => `${t.cell}/${t.tenant}` === name) ? `tenant ${name} is held now` : undefined;
  const [first] = own;
  if (first === undefined) return undefined;
  const where = kind === 'Environment' ? `environment ${name}` : `application ${name}`;
  const more = own.length > 1 ? ` (and ${own.length - 1} more)` : '';
  const held = own.reduce((sum, m) => Math.max(sum, m.held), 0);
  const what = `${held > 0 ? `${counted(held, 'tenant')} held; ` : ''}${first.why}${more}`.slice(0, 300).toWellFormed();
  switch (role) {
    case 'on-call':
      return `on call for ${where}: ${what}`;
    case 'owner':
      return `answers for ${where}: ${what}`;
    case 'data-loss':
      return asked(kind, name, facts)
        ? `must agree before anything that was written is lost in ${where}: a step asks now`
        : `must agree before anything that was written is lost in ${where}; nothing asks yet`;
    case 'support':
      return `speaks with the customers of ${where}`;
    case 'customer':
      return `named by ${where} as the customers’ own`;
  }
}

/** As many as are named of those for which nobody is declared. */
const MOST_UNKNOWN = 10;

/** An environment of an application with a matter, and nobody declared for either: said, with where to declare them. */
function nobodyFor({ matters, declared }: CallFacts): readonly string[] {
  const known = new Set(declared.filter(({ contacts }) => contacts.length > 0).map((d) => `${d.kind}/${d.name}`));
  const without = matters
    .filter((m) => !known.has(`Environment/${m.environment}`) && !known.has(`Application/${m.application}`))
    .map(({ application, environment }) => `${application} in ${environment}`);
  const each = [...new Set(without)];
  const where = 'their documents Application and Environment take spec.contacts';
  const named = each.slice(0, MOST_UNKNOWN).map((what) => `Nobody to call is declared for ${what}: ${where}.`);
  const more = each.length - named.length;
  return more > 0 ? [...named, `Nobody to call is declared for ${more} more.`] : named;
}
