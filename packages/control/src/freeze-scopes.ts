import { nearestFew } from '@headgate/documents/schema/nearest';
import type { ControlStore, StreamId } from './ports/store.ts';
import { FREEZE_ALL, frozenApplication, streams } from './records.ts';

/** So many documents of a kind are read to find the nearest, and so many scopes are named. */
const MOST_READ = 1_000;
const MOST_NAMED = 5;

/** Which document a scope names that isn't there, and which there are. */
export interface MissingScope {
  readonly document: StreamId;
  readonly why: string;
  readonly unblock: string;
}

/** Why a scope freezes nothing: no such environment or application is declared; undefined: there is one. */
export async function missingScope(
  store: Pick<ControlStore, 'load' | 'list'>,
  scope: string,
): Promise<MissingScope | undefined> {
  if (scope === FREEZE_ALL) return undefined;
  const application = frozenApplication(scope);
  const document =
    application === undefined ? streams.document('Environment', scope) : streams.document('Application', application);
  if ((await store.load([document])).has(document)) return undefined;
  const [environments, applications] = [await named(store, 'Environment'), await named(store, 'Application')];
  const scopes = new Map<string, string>(applications.map((name) => [name, `application:${name}`]));
  // An environment and an application may have one name: what is asked for decides which is meant.
  for (const name of environments) if (application === undefined || !scopes.has(name)) scopes.set(name, name);
  const near = nearestFew(application ?? scope, [...scopes.keys()], MOST_NAMED).map(
    (name) => scopes.get(name) as string,
  );
  const more = environments.length + applications.length - near.length;
  const what = application === undefined ? `environment ${scope}` : `application ${application}`;
  const others = more > 0 ? ` and ${more}${more >= MOST_READ ? ' or more' : ''} other${more === 1 ? '' : 's'}` : '';
  const there = near.length === 0 ? '' : `, ${near.join(', ')}${others}`;
  return {
    document,
    why: `there is no ${what}; scopes are ${FREEZE_ALL} (everything)${there}`,
    unblock: `name one of them: \`headgate freeze now --scope ${near[0] ?? FREEZE_ALL} --because "…"\``,
  };
}

async function named(store: Pick<ControlStore, 'list'>, kind: string): Promise<readonly string[]> {
  const under = streams.document(kind, '');
  const rows = await store.list('document', { under, limit: MOST_READ });
  return rows.map(({ stream }) => stream.slice(under.length));
}
