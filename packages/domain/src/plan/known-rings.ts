/**
 * Rings decide who moves first, so nobody may be in one by accident. What counts is the ring that the cell's agent tells; the
 * Tenant document says what people meant. Where the two differ, or the application has no such ring, nothing is planned.
 */
import type { CellState } from '../model/cell.ts';
import type { PlanRequest } from './planner.ts';
import { named } from './render-words.ts';

/** Rings by tenant, as Tenant documents say; a tenant without a document isn't in it. By cell. */
export type DeclaredRings = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Tells tenants of cells whose ring the application doesn't list, or whose Tenant document says another one. */
export function refuseUnknownRings(
  { application, declaredRings }: Pick<PlanRequest, 'application' | 'declaredRings'>,
  cells: readonly CellState[],
  refuse: (code: string, where: string, why: string, unblock: string) => void,
): void {
  const rings = application.rings.map(({ name }) => name);
  for (const { cell, tenants } of cells) {
    const all = Object.entries(tenants).sort(([a], [b]) => (a < b ? -1 : 1));
    const unknown = all.filter(([, { ring }]) => !rings.includes(ring)).map(([name, { ring }]) => `${name} (${ring})`);
    if (unknown.length > 0)
      refuse(
        'no-such-ring',
        `cell/${cell}`,
        `application ${application.name} has the rings ${named(rings)}, and not that of ${named(unknown)}`,
        'add the ring to the application (headgate apply -f FILE), or correct the ring in the cell’s file, start its agent again, and wait for its next look',
      );
    const declared = declaredRings?.get(cell);
    const differing = all.flatMap(([name, { ring }]) => {
      const meant = declared?.get(name);
      return meant === undefined || meant === ring ? [] : [`${name} (${meant}, there ${ring})`];
    });
    if (differing.length > 0)
      refuse(
        'ring-differs',
        `cell/${cell}`,
        `by the Tenant document in another ring than by the cell’s file, which counts: ${named(differing)}`,
        'make both say the same: apply the Tenant document with the other ring (headgate apply -f FILE), or correct the cell’s file, start its agent again, and wait for its next look',
      );
  }
}
