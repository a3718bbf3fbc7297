import type { Migrator } from '@headgate/execution';

/** Several migrators as one: each store has the one that knows it. */
export function migratorByStore(migrators: readonly Migrator[]): Migrator {
  const of = (store: string): Migrator => {
    const found = migrators.find(({ stores }) => stores.includes(store));
    if (!found) throw new Error(`There is no store ${store} in this cell`);
    return found;
  };
  return {
    stores: migrators.flatMap(({ stores }) => stores),
    byProgram: (store) => of(store).byProgram?.(store) === true,
    version: (store) => of(store).version(store),
    look: (store) => of(store).look(store),
    up: (store, ...rest) => of(store).up(store, ...rest),
    down: (store, ...rest) => of(store).down(store, ...rest),
  };
}
