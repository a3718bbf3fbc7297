/**
 * Who in an application's other environments still runs code from before a contract migration. Nothing is taken from them
 * here; but whatever is to relieve them has to pass this environment first, and no longer can once its store went further.
 */
import type { CellState } from '../model/cell.ts';
import type { Migration, ReleaseManifest, SchemaRange } from '../model/release.ts';
import type { CellPlan } from './plan.ts';

/** A version that serves in another environment of the application. */
export interface UserElsewhere {
  readonly environment: string;
  readonly version: string;
  /** Absent: nobody knows what it runs on. */
  readonly range?: SchemaRange;
  /** The lowest schema of the stores that it serves there. */
  readonly schema: number;
}

/** So many are named; the rest is counted. */
const MOST_NAMED = 5;

/** What serves in cells, by environment and version, each once. */
export function usersIn(cells: readonly CellState[]): readonly UserElsewhere[] {
  const users = new Map<string, UserElsewhere>();
  for (const { environment, slots, stores, tenants } of cells)
    for (const { slot, store } of Object.values(tenants)) {
      const { release, schemaRange } = slots[slot] ?? {};
      const schema = stores[store]?.schemaVersion;
      if (release === undefined || schema === undefined) continue;
      const key = `${environment} ${release.digest}`;
      const lowest = Math.min(schema, users.get(key)?.schema ?? schema);
      const user = { environment, version: release.version, schema: lowest };
      users.set(key, schemaRange === undefined ? user : { ...user, range: schemaRange });
    }
  return [...users.values()];
}

/**
 * Those of them that may use what the plan's contract migrations take away. A range that somebody declared is taken at its
 * word; of one that is derived only what its release was built for counts, as with contracts everywhere.
 */
export function mayUse(
  users: readonly UserElsewhere[],
  contracts: readonly Pick<Migration, 'to'>[],
  derived: boolean,
): readonly UserElsewhere[] {
  return users.filter(({ schema, range }) =>
    contracts.some(({ to }) => {
      if (schema >= to) return false;
      return range === undefined || (derived ? range.min : range.max) < to;
    }),
  );
}

/** The contract migrations that a plan's cells run. */
export function contractsRun(manifest: ReleaseManifest, cells: readonly CellPlan[]): readonly Migration[] {
  const run = new Set(
    cells.flatMap(({ steps }) =>
      steps.flatMap(({ action }) => (action.kind === 'migrate' ? action.migrations.map(({ to }) => to) : [])),
    ),
  );
  return manifest.migrations.filter(({ to, phase }) => phase === 'contract' && run.has(to));
}

/** Who they are: `booking-production still runs 1.4.0`. */
export function elsewhereWords(users: readonly UserElsewhere[]): string {
  const named = users.slice(0, MOST_NAMED).map(({ environment, version }) => `${environment} still runs ${version}`);
  const more = users.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The same as a reason of a plan's risk, with what becomes of it and what is done before. */
export function elsewhereRisk(
  users: readonly UserElsewhere[],
  contracts: readonly Pick<Migration, 'to'>[],
  removes: ReadonlyMap<number, readonly string[]> | undefined,
  environment: string,
): string {
  const taken = contracts.flatMap(({ to }) => removes?.get(to) ?? []);
  const what = taken.length === 0 ? 'what is removed' : [...new Set(taken)].join(', ');
  return `${elsewhereWords(users)}, which may use ${what}: take a release that doesn’t through all environments first, since none that is built for the schema of before comes to ${environment} afterwards`;
}
