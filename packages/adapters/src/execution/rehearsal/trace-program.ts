/** A migration by the application's own program, carried out by what carries it out in a promotion, and seen from outside. */
import type { Migration } from '@headgate/domain';
import type { Direction } from '@headgate/domain/rehearsal/rehearsal';
import type { TracedFile, TraceFailure } from '@headgate/domain/rehearsal/trace';
import type { Migrator } from '@headgate/execution';
import { readCommandMigration } from '../command-migrator/command-document.ts';
import type { ReleaseWithFiles } from './business/serving-releases.ts';
import { LockWatch, type Watched } from './lock-watch.ts';
import { relationsOf } from './looks.ts';
import { type Bounds, rehearsalContext } from './rehearsal-context.ts';
import { traceOutside } from './trace-alone.ts';
import type { TraceAsk, TraceSessions } from './trace-file.ts';

/** The program, as the copy's store is migrated by it. */
export interface ProgramSetting {
  readonly migrator: Pick<Migrator, 'up' | 'down'>;
  /** The store's name there. */
  readonly store: string;
  /** The login that the program is given, or how those begin: whose sessions are watched. */
  readonly watched: Watched;
  /** Whose files it runs among. */
  readonly release: ReleaseWithFiles;
  /** Of one call. */
  readonly bounds: Bounds;
  /** Ends it at once, with whatever it started; absent: it is never interrupted. */
  readonly kill?: () => Promise<void>;
  /** What is told of a call that has ended, where its arguments don't say it. */
  told?(): Promise<string>;
}

export interface ProgramAsk extends Pick<TraceAsk, 'file' | 'text' | 'onLock'> {
  readonly direction: Direction;
  readonly migration: Migration;
}

/** How often its sessions' locks are looked at. Milliseconds. */
const LOOK_MS = 2;
/** How much of what it is called with is told. */
const TOLD = 300;

/** What it refuses, or says that it failed at, is a failure in the trace. Throws when the server is broken. */
export async function traceProgram(
  { watcher, control }: Pick<TraceSessions, 'watcher' | 'control'>,
  setting: ProgramSetting,
  { direction, migration, file, text, onLock }: ProgramAsk,
): Promise<TracedFile> {
  const { migrator, store, watched, release, bounds } = setting;
  const { id, from, to, phase, up, down } = migration;
  const known = await relationsOf(control);
  const watch = new LockWatch(watcher, watched, (oid, mode) => {
    const relation = known.get(oid);
    if (relation !== undefined && 'rpm'.includes(relation.kind)) onLock?.(relation.name, mode);
  });
  let took: number | undefined;
  const context = rehearsalContext(`${direction}-${id}`, bounds, {
    release: release.ref.digest,
    manifest: async () => release.manifest,
    blob: (digest) => release.file(digest),
    took(_, durationMs) {
      took = durationMs;
    },
  });
  const temporary = await temporaryBytes(control);
  watch.start(LOOK_MS);
  const { value, seen } = await traceOutside(
    { control, watch, known },
    () =>
      direction === 'back'
        ? migrator.down(store, { id, from, to, phase, file: down ?? up, up }, text, context)
        : migrator.up(store, { id, from, to, phase, file: up }, text, context),
    // Its sessions have ended, and with them handed in what they counted.
    async () => (await temporaryBytes(control)) - temporary,
  );
  bounds.signal.throwIfAborted();
  const durationMs = took ?? seen.durationMs;
  // Counts of what was read are everybody's: while a program runs, those who read beside it read more than it does.
  const facts = { ...seen, durationMs, scanned: [] };
  const told = (await setting.told?.()) ?? argumentsOf(text, file);
  const failed: TraceFailure | undefined = value.ok ? undefined : { n: 1, line: 0, code: '', why: value.why };
  return {
    file,
    migration: id,
    by: 'program',
    durationMs,
    commitMs: 0,
    statements: [
      {
        n: 1,
        line: 0,
        text: told.slice(0, TOLD),
        alone: true,
        ...facts,
      },
    ],
    ...(failed === undefined ? {} : { failed }),
  };
}

function argumentsOf(text: string, file: string): string {
  const document = readCommandMigration(text, file);
  const words = document.ok ? document.value.arguments.join(' ') : '';
  return `the program, with ${words || 'nothing'}`;
}

/** Of temporary files that were written in this database so far. On a server of its own nobody else writes any. */
async function temporaryBytes(control: TraceSessions['control']): Promise<number> {
  const { rows } = await control.query<{ bytes: number }>(
    'select temp_bytes::float8 as bytes from pg_catalog.pg_stat_database where datname = pg_catalog.current_database()',
  );
  return rows[0]?.bytes ?? 0;
}
