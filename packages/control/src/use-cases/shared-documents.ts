/**
 * Documents that several applications may go by: calendars, policies, verifications and reconciliations of one owner. Their
 * owner may change them, but not by the way: whoever declares one application must not find out later that its file held the
 * name of what another one goes by.
 */
import type { Refusal } from '@headgate/domain';
import type { ControlStore, ListRead } from '../ports/store.ts';
import { type DocumentRecord, streams } from '../records.ts';
import type { AppliedDocument } from './apply-documents.ts';

const SHARED: ReadonlySet<string> = new Set(['Calendar', 'Policy', 'Verification', 'Reconciliation']);
const PAGE = 1_000;

interface Spec {
  readonly application?: string;
  readonly environment?: string;
  readonly cell?: string;
  readonly policy?: string;
  readonly calendar?: string;
  readonly calendars?: readonly string[];
  readonly verification?: string;
  readonly reconciliation?: string;
}

/**
 * Refusals for documents that change in a call which declares applications, while others than those go by them. A call with
 * such documents alone is their owner's, who means them. `lists`: what that rests on, to be looked at again by the commit.
 */
export async function changedForOthers(
  store: ControlStore,
  all: readonly AppliedDocument[],
  changed: readonly AppliedDocument[],
): Promise<{ readonly refusals: readonly Refusal[]; readonly lists: readonly ListRead[] }> {
  const shared = changed.filter(({ kind }) => SHARED.has(kind));
  const declaring = new Set(all.flatMap(applicationOf));
  if (shared.length === 0 || declaring.size === 0) return { refusals: [], lists: [] };
  const { users, lists } = await usersOf(
    store,
    shared.some(({ kind }) => kind === 'Calendar'),
  );
  const refusals = shared.flatMap(({ kind, name }) => {
    const others = [...(users.get(`${kind}/${name}`) ?? [])].filter((user) => !declaring.has(user)).sort();
    return others.length === 0 ? [] : [refusalOf(kind, name, others, [...declaring].sort())];
  });
  return { refusals, lists };
}

function applicationOf({ kind, name, spec }: AppliedDocument): readonly string[] {
  if (kind === 'Application') return [name];
  const { application } = spec as Spec;
  return kind === 'Environment' && application !== undefined ? [application] : [];
}

/** The applications that go by each shared document, as all is declared now; `tenants`: also by their tenants' calendars. */
async function usersOf(
  store: ControlStore,
  tenants: boolean,
): Promise<{ readonly users: ReadonlyMap<string, ReadonlySet<string>>; readonly lists: readonly ListRead[] }> {
  const lists: ListRead[] = [];
  const declared = async function* (kind: string) {
    lists.push(yield* declaredOf(store, kind));
  };
  const users = new Map<string, Set<string>>();
  const use = (kind: string, name: string | undefined, application: string | undefined) => {
    if (name === undefined || application === undefined) return;
    const key = `${kind}/${name}`;
    users.set(key, (users.get(key) ?? new Set()).add(application));
  };
  const owners = new Map<string, string | undefined>();
  for await (const { name, spec } of declared('Application')) {
    use('Verification', spec.verification, name);
    use('Reconciliation', spec.reconciliation, name);
  }
  for await (const { name, spec } of declared('Environment')) {
    owners.set(name, spec.application);
    use('Policy', spec.policy, spec.application);
    for (const calendar of spec.calendars ?? []) use('Calendar', calendar, spec.application);
  }
  if (!tenants) return { users, lists };
  const cells = new Map<string, string | undefined>();
  for await (const { name, spec } of declared('Cell')) cells.set(name, owners.get(spec.environment ?? ''));
  for await (const { spec } of declared('Tenant')) use('Calendar', spec.calendar, cells.get(spec.cell ?? ''));
  return { users, lists };
}

/** All documents of a kind; in the end, what was read. */
async function* declaredOf(
  store: ControlStore,
  kind: string,
): AsyncGenerator<{ name: string; spec: Spec }, ListRead, undefined> {
  let [found, versions] = [0, 0];
  const under = streams.document(kind, '');
  for (let after: string | undefined; ; ) {
    const rows = await store.list('document', { under, limit: PAGE, ...(after !== undefined && { after }) });
    for (const { state, version } of rows) {
      found += 1;
      versions += version;
      const { name, spec } = state as DocumentRecord<Spec>;
      yield { name, spec };
    }
    after = rows.at(-1)?.stream;
    if (rows.length < PAGE) return { under, rows: found, versions };
  }
}

function refusalOf(kind: string, name: string, others: readonly string[], declaring: readonly string[]): Refusal {
  const [them, us] = [others.slice(0, 5).join(', '), declaring.slice(0, 5).join(', ')];
  return {
    code: 'of-another-application',
    what: `declare ${kind} ${name}`,
    where: streams.document(kind, name),
    why: `${them} ${others.length === 1 ? 'goes' : 'go'} by it, and this declares ${us}: it would change for both`,
    unblock: `choose another name, ${declaring[0]}-${name} for example; if it is meant for both, apply it in a file of its own, or say so: headgate apply -f FILE --take-over`,
  };
}
