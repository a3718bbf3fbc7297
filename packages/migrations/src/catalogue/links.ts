/** Who points at whom: kept up with every change of a relation, so that nothing has to be searched for. */
import type { TableState } from './working-schema.ts';

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

export function referred(state: TableState | undefined): readonly string[] {
  return (state?.constraints ?? []).flatMap(({ references }) => references?.relation ?? []);
}

export function owner(state: TableState | undefined): readonly string[] {
  return state?.ownedBy === undefined ? [] : [state.ownedBy.relation];
}

export function read(state: TableState | undefined): readonly string[] {
  return (state?.uses ?? []).map(({ relation }) => relation);
}
