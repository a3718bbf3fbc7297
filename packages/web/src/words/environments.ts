import type { Status } from '@headgate/contract';

export type StatusCell = Status['cells'][number];

export interface EnvironmentCells {
  readonly environment: string;
  /** Those that somebody should look at first, then by name. */
  readonly cells: readonly StatusCell[];
  /** Tenants by the version that serves them, most tenants first. */
  readonly versions: readonly (readonly [version: string, tenants: number])[];
}

/** Whether somebody should look at a cell. */
export function needsCare({ adopted, uncertain, drift }: StatusCell): boolean {
  return uncertain || drift.length > 0 || !adopted;
}

/**
 * Cells by environment, in the order of the applications' pipelines. Environments that no pipeline names come last, in
 * the order of their names: all that runs is shown, wherever it belongs.
 */
export function byEnvironment(
  cells: readonly StatusCell[],
  pipelines: readonly (readonly string[])[],
): readonly EnvironmentCells[] {
  const rank = new Map<string, number>();
  for (const pipeline of pipelines)
    for (const [i, name] of pipeline.entries()) rank.set(name, Math.max(i, rank.get(name) ?? 0));
  const groups = Map.groupBy(cells, (cell) => cell.environment);
  const order = (name: string): number => rank.get(name) ?? Number.MAX_SAFE_INTEGER;
  return [...groups]
    .sort(([a], [b]) => order(a) - order(b) || compare(a, b))
    .map(([environment, group]) => ({
      environment,
      cells: [...group].sort((a, b) => Number(needsCare(b)) - Number(needsCare(a)) || compare(a.name, b.name)),
      versions: versionsOf(group),
    }));
}

function versionsOf(cells: readonly StatusCell[]): EnvironmentCells['versions'] {
  const sum = new Map<string, number>();
  for (const { versions } of cells)
    for (const [version, tenants] of Object.entries(versions)) sum.set(version, (sum.get(version) ?? 0) + tenants);
  return [...sum].sort(([a, n], [b, m]) => m - n || compare(a, b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
