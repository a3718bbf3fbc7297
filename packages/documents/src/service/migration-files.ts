import type { MigrationPhase } from '@headgate/domain';

/** A migration as its files' names say it. */
export interface MigrationDraft {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly phase: MigrationPhase;
  /** Names within the folder. */
  readonly up: string;
  readonly down?: string;
  readonly undo: 'keep' | 'down' | 'restore';
}

const NAME = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,90}?)(?:\.(up|down))?\.(sql|ya?ml)$/;

/**
 * Numbered files to migrations, in the order of their names (digits as numbers): `0001-orders.up.sql`, `0001-orders.down.sql`,
 * or one file without a direction. The n-th is what leads to schema version n. A name that holds `.contract.` or `.data.`
 * says its phase. An expanding migration in SQL is kept when a release goes back; a program's, which is no single
 * transaction, is taken back by its own way, or by the restore point.
 */
export function migrationsOf(names: readonly string[], phase: MigrationPhase): readonly MigrationDraft[] {
  const ups = new Map<string, string>();
  const downs = new Map<string, string>();
  for (const name of names) {
    const [, id, direction] = NAME.exec(name) ?? [];
    if (id !== undefined) (direction === 'down' ? downs : ups).set(id, name);
  }
  const order = new Intl.Collator('en', { numeric: true });
  return [...ups.keys()].sort(order.compare).map((id, i) => {
    const up = ups.get(id) as string;
    const down = downs.get(id);
    const said = /\.(data|contract)$/.exec(id)?.[1] as MigrationPhase | undefined;
    const own = said ?? phase;
    const keeps = own === 'expand' && up.endsWith('.sql');
    const undo = keeps ? 'keep' : down === undefined ? 'restore' : 'down';
    return { id, from: i, to: i + 1, phase: own, up, ...(down === undefined ? {} : { down }), undo };
  });
}
