/** Who points at whom: kept up with every change of a relation, so that nothing has to be searched for. */
import type { TableState } from './table-state.ts';

/** Who points at a relation, by its key. */
export type Links = Map<string, Set<string>>;

export function link(links: Links, key: string, before: readonly string[] = [], after: readonly string[] = []): void {
  for (const each of before) links.get(each)?.delete(key);
  for (const each of after) {
    const set = links.get(each);
    if (set === undefined) links.set(each, new Set([key]));
    else set.add(key);
  }
}

export function referred(constraints: TableState['constraints'] = []): readonly string[] {
  return constraints.flatMap(({ references }) => references?.relation ?? []);
}

interface Change<Part> {
  readonly gone: readonly Part[];
  readonly come: readonly Part[];
}

/** What differs between two lists behind what they begin with both: most changes only add to the end. */
export function changeOf<Part>(before: readonly Part[] = [], after: readonly Part[] = []): Change<Part> {
  if (before === after) return { gone: [], come: [] };
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same += 1;
  return { gone: before.slice(same), come: after.slice(same) };
}

export function owner(state: TableState | undefined): readonly string[] {
  return state?.ownedBy === undefined ? [] : [state.ownedBy.relation];
}

export function read(state: TableState | undefined): readonly string[] {
  return (state?.uses ?? []).map(({ relation }) => relation);
}
