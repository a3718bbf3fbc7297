import { type DocumentRecord, type Row, streams } from '@headgate/control';
import type { AffectedTenant, Contact, DeclaredContacts, Matter } from '@headgate/domain';
import type { Context } from '../context.ts';

/** Tenants whose own people are looked up: those that are held, as many as one calls. */
const MOST_TENANTS = 50;

type WithContacts = DocumentRecord<{ readonly contacts?: readonly Contact[] }>;

/** The contacts of everything that has a matter, and of the tenants that are held. */
export async function declaredContacts(
  { deps }: Context,
  matters: readonly Matter[],
  held: readonly AffectedTenant[],
): Promise<readonly DeclaredContacts[]> {
  const names = (of: readonly string[]) => [...new Set(of)].filter((name) => name !== '').slice(0, 200);
  const asked: readonly Pick<DeclaredContacts, 'kind' | 'name'>[] = [
    ...names(matters.map((m) => m.environment)).map((name) => ({ kind: 'Environment', name }) as const),
    ...names(matters.map((m) => m.application)).map((name) => ({ kind: 'Application', name }) as const),
    ...held.slice(0, MOST_TENANTS).map(({ cell, tenant }) => ({ kind: 'Tenant', name: `${cell}/${tenant}` }) as const),
  ];
  const rows = await deps.store.load(asked.map(({ kind, name }) => streams.document(kind, name)));
  return asked.map(({ kind, name }) => {
    const row = rows.get(streams.document(kind, name)) as Row<WithContacts> | undefined;
    return { kind, name, contacts: row?.state.spec.contacts ?? [] };
  });
}
