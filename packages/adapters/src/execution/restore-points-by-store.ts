import type { RestorePoints } from '@headgate/execution';

/** Two kinds of restore points as one: `ours` for the stores of that name, `others` for the rest. */
export function restorePointsByStore(
  names: readonly string[],
  ours: RestorePoints,
  others: RestorePoints,
): RestorePoints {
  const of = (store: string): RestorePoints => (names.includes(store) ? ours : others);
  return {
    take: (store, ctx) => of(store).take(store, ctx),
    verify: (store, ...rest) => of(store).verify(store, ...rest),
    mark: async (store, ctx) => of(store).mark?.(store, ctx),
    list: (store) => of(store).list(store),
    restore: (store, ...rest) => of(store).restore(store, ...rest),
  };
}
