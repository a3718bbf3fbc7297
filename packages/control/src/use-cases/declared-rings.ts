import type { CellState } from '@headgate/domain';
import type { DeclaredRings } from '@headgate/domain/plan/known-rings';
import type { Deps } from '../deps.ts';
import { type DocumentRecord, streams } from '../records.ts';

/** The rings that Tenant documents say of those who are in these cells; whoever has no document isn't in it. */
export async function declaredRings(deps: Pick<Deps, 'store'>, cells: readonly CellState[]): Promise<DeclaredRings> {
  const stream = (cell: string, tenant: string) => streams.document('Tenant', `${cell}/${tenant}`);
  const rows = await deps.store.load(
    cells.flatMap(({ cell, tenants }) => Object.keys(tenants).map((tenant) => stream(cell, tenant))),
  );
  return new Map(
    cells.map(({ cell, tenants }) => [
      cell,
      new Map(
        Object.keys(tenants).flatMap((tenant) => {
          const document = rows.get(stream(cell, tenant))?.state as DocumentRecord<{ ring: string }> | undefined;
          return document === undefined ? [] : [[tenant, document.spec.ring] as const];
        }),
      ),
    ]),
  );
}
