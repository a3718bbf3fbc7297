import type { MigrationPhase } from '@headgate/domain';
import { fileTrouble, migrationOrder, type NamedFile, readName, setTroubles } from './migration-names.ts';

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

/** So many are told; whoever mends these runs it again. */
const MOST_TOLD = 10;

/**
 * Numbered files to migrations, in the order of their names (digits as numbers): `0001-orders.up.sql`, `0001-orders.down.sql`,
 * or one file without a direction. The n-th is what leads to schema version n. A name that holds `.contract.`, `.data.` or
 * `.expand.` says its phase. An expanding migration in SQL is kept when a release goes back; a program's, which is no single
 * transaction, is taken back by its own way, or by the restore point. Files that end otherwise than in .sql, .yaml or .yml are
 * passed over. Throws, in words, where {@link migrationFileProblems} finds anything: what a release runs isn't guessed.
 */
export function migrationsOf(names: readonly string[], phase: MigrationPhase): readonly MigrationDraft[] {
  const problems = migrationFileProblems(names);
  if (problems.length > 0) {
    const more = problems.length > MOST_TOLD ? [`and ${problems.length - MOST_TOLD} more`] : [];
    throw new Error([...problems.slice(0, MOST_TOLD), ...more].join('\n'));
  }
  const files = filesIn(names);
  const downs = new Map(files.flatMap(({ id, down, name }) => (down ? [[id, name]] : [])));
  const ups = files.filter(({ down }) => !down).sort((a, b) => migrationOrder(a.id, b.id));
  return ups.map(({ id, name: up, phases: [said] }, i) => {
    const down = downs.get(id);
    const own = said ?? phase;
    const keeps = own === 'expand' && up.endsWith('.sql');
    const undo = keeps ? 'keep' : down === undefined ? 'restore' : 'down';
    return { id, from: i, to: i + 1, phase: own, up, ...(down === undefined ? {} : { down }), undo };
  });
}

/** Why no release can be made of a folder's migrations, a sentence for each file, in the order of their names: what is wrong, and what to do. */
export function migrationFileProblems(names: readonly string[]): readonly string[] {
  const sorted = [...names].sort();
  const single = sorted.flatMap((name) => fileTrouble(name) ?? []);
  return [...single, ...setTroubles(filesIn(sorted))];
}

function filesIn(names: readonly string[]): readonly NamedFile[] {
  return names.flatMap((name) => readName(name) ?? []);
}
