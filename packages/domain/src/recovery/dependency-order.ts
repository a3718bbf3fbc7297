/** In which order things are made that depend on each other: what somebody needs comes before them. */

export interface Dependent {
  readonly name: string;
  /** Names of others, which have to be there first. */
  readonly dependsOn: readonly string[];
  /** Comes as early as its own needs let it: a platform, which others may stand on without saying so. */
  readonly early?: boolean;
}

/**
 * The names in their order; of two that don't depend on each other the early one first, then by name. Else what can't be: names that
 * are nobody's, each with who names it, and one circle, whose last name is its first.
 */
export type DependencyOrder =
  | { readonly ok: true; readonly order: readonly string[] }
  | {
      readonly ok: false;
      readonly unknown: readonly { readonly of: string; readonly name: string }[];
      readonly circle: readonly string[];
    };

export function dependencyOrder(all: readonly Dependent[]): DependencyOrder {
  const byName = new Map(all.map((each) => [each.name, each]));
  const unknown = all.flatMap(({ name: of, dependsOn }) =>
    dependsOn.filter((name) => !byName.has(name)).map((name) => ({ of, name })),
  );
  if (unknown.length > 0) return { ok: false, unknown, circle: [] };
  const left = new Map(
    [...all]
      .sort((a, b) => Number(b.early === true) - Number(a.early === true) || (a.name < b.name ? -1 : 1))
      .map((each) => [each.name, each]),
  );
  const order: string[] = [];
  while (left.size > 0) {
    const next = [...left.values()].find(({ dependsOn }) => dependsOn.every((name) => !left.has(name)));
    if (next === undefined) return { ok: false, unknown: [], circle: circleIn(left) };
    left.delete(next.name);
    order.push(next.name);
  }
  return { ok: true, order };
}

/** Each that is left waits for another that is left: whoever follows them comes back to where they were. */
function circleIn(left: ReadonlyMap<string, Dependent>): readonly string[] {
  const way: string[] = [];
  let at = [...left.keys()].sort()[0]!;
  while (!way.includes(at)) {
    way.push(at);
    at = left.get(at)!.dependsOn.find((name) => left.has(name))!;
  }
  return [...way.slice(way.indexOf(at)), at];
}

/** What can't be, in words; `what`: what the names are of. */
export function disorderWords(disorder: Extract<DependencyOrder, { ok: false }>, what: string): readonly string[] {
  const { unknown, circle } = disorder;
  return [
    ...unknown.map(({ of, name }) => `${of} depends on ${name}, and there is no ${what} of that name`),
    ...(circle.length > 0 ? [`they depend on each other in a circle: ${circle.join(' → ')}`] : []),
  ];
}
