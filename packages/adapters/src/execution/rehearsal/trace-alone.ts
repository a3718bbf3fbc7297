/** A statement that no transaction takes (CONCURRENTLY, VACUUM, a procedure that commits), or a program. Seen from outside alone. */
import type { TracedLock, TracedStatement } from '@headgate/domain/rehearsal/trace';
import type pg from 'pg';
import type { LockWatch } from './lock-watch.ts';
import { type Relations, readSoFar, relationsOf, walPosition } from './looks.ts';
import { scans } from './statement-diff.ts';
import type { TempFiles } from './temp-files.ts';

interface OutsideParts {
  readonly control: pg.Client;
  /** Runs already. */
  readonly watch: LockWatch;
  readonly known: Relations;
}

interface AloneParts extends OutsideParts {
  readonly runner: pg.Client;
  readonly temp: TempFiles;
}

/** Who reads a table beside us (the canaries) reads a row at a time: that much is none of the statement's. */
const OTHERS_READ = 0.5;

type Alone = Omit<TracedStatement, 'n' | 'line' | 'text' | 'alone'>;

/** Runs it. Throws what the server says. */
export async function traceAlone(parts: AloneParts, sql: string): Promise<Alone> {
  const { runner, temp } = parts;
  await flushed(runner);
  const settled = async () => {
    const tempBytes = temp.take();
    await flushed(runner);
    return tempBytes;
  };
  return (await traceOutside(parts, () => runner.query(sql), settled)).seen;
}

/**
 * What `act` does to the database, as others see it. Locks are as often seen as the watch looks, and held from the first to the
 * last time; what was read comes from the server's counts, which everybody's reading goes into. `settled`: has what was
 * counted handed in, and says how large temporary files were.
 */
export async function traceOutside<T>(
  { control, watch, known }: OutsideParts,
  act: () => Promise<T>,
  settled: () => Promise<number | undefined>,
): Promise<{ readonly value: T; readonly seen: Alone }> {
  const readBefore = await readSoFar(control);
  const filesBefore = await relationsOf(control);
  const wal = await walPosition(control);
  const from = performance.now();
  let value: T;
  try {
    value = await act();
  } finally {
    // What the session still waits for ends the watch as well.
    await watch.stop();
  }
  const durationMs = performance.now() - from;
  const walBytes = (await walPosition(control)) - wal;
  const tempBytes = await settled();
  const watched = await watch.stop();
  const readAfter = await readSoFar(control);
  const filesAfter = await relationsOf(control);
  const locks = [...watched].flatMap(([oid, { mode, firstAt, lastAt }]): TracedLock[] => {
    const relation = known.get(oid);
    if (relation === undefined || (relation.table !== undefined && mode !== 'ACCESS EXCLUSIVE')) return [];
    return [{ relation: relation.name, mode, heldMs: lastAt - firstAt }];
  });
  const read = [...filesBefore].flatMap(([oid, { name, rows, kind }]) => {
    const count = (readAfter.get(oid) ?? 0) - (readBefore.get(oid) ?? 0);
    return (kind === 'r' || kind === 'm') && count > 0 && count >= rows * OTHERS_READ
      ? [{ relation: name, rows: count }]
      : [];
  });
  // By name: REINDEX CONCURRENTLY puts another index in the place of the old one.
  const files = new Map([...filesAfter.values()].map(({ name, file }) => [name, file]));
  const named = (kinds: string): string[] =>
    [...filesBefore.values()].flatMap(({ name, kind, file }) =>
      kinds.includes(kind) && (files.get(name) ?? file) !== file ? [name] : [],
    );
  const seen = {
    durationMs,
    locks,
    rewritten: named('rm'),
    emptied: [],
    rebuilt: named('i'),
    scanned: scans(read, locks),
    changed: [],
    walBytes,
    tempBytes,
  };
  return { value, seen };
}

/** Has the session hand in what it counted: PostgreSQL 15 and later do it when asked, else within a second. */
async function flushed(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    `select pg_catalog.to_regprocedure('pg_catalog.pg_stat_force_next_flush()') is not null as there`,
  );
  if (rows[0]?.there === true) await client.query('select pg_catalog.pg_stat_force_next_flush()');
}
