import { nearestFew } from '@headgate/documents/schema/nearest';
import type { ControlStore } from './ports/store.ts';
import { streams } from './records.ts';

/** So many are read to find the nearest, and so many are named: a refusal is a line, however many there are. */
const MOST_READ = 1_000;
const MOST_NAMED = 5;

/** Those of the environments that nobody declared. */
export async function undeclaredOf(store: ControlStore, names: readonly string[]): Promise<readonly string[]> {
  const rows = await store.load(names.map((name) => streams.document('Environment', name)));
  return names.filter((name) => !rows.has(streams.document('Environment', name)));
}

/** That an environment isn't there, and which there are: those that are spelt most like it. */
export async function noEnvironment(store: ControlStore, name: string): Promise<string> {
  return noneNamed(store, 'Environment', name);
}

/** That no document of a kind has this name, and which there are. */
export async function noneNamed(store: ControlStore, kind: 'Environment' | 'Cell', name: string): Promise<string> {
  const under = streams.document(kind, '');
  const rows = await store.list('document', { under, limit: MOST_READ });
  const names = rows.map(({ stream }) => stream.slice(under.length));
  const near = nearestFew(name, names, MOST_NAMED);
  const more = names.length - near.length;
  const others =
    more === 0 ? '' : ` and ${more}${rows.length < MOST_READ ? '' : ' or more'} other${more === 1 ? '' : 's'}`;
  const there =
    near.length === 0 ? 'none is declared' : `there ${names.length === 1 ? 'is' : 'are'} ${near.join(', ')}`;
  return `there is no ${kind.toLowerCase()} ${name}; ${there}${others}`;
}
