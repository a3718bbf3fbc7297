/** A backup, and the moment after it that the restore point stands for. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import type pg from 'pg';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { RowPromise } from '../census/row-promise.ts';
import { controlConnection } from '../store/store-session.ts';
import { archivedByNow, archiveToNow } from './archived-log.ts';
import type { Bounds, PgBackRest, Ran } from './pgbackrest.ts';
import type { PgBackRestStore } from './pgbackrest-store.ts';
import { ANNOTATIONS, momentOf, type PointManifest } from './point-manifest.ts';
import { type Backup, repositoryInfo } from './repository-info.ts';

/** Beside our configuration: that the stanza was made. A repository without it has lost it, or isn't mounted. */
const STANZA_MADE = 'stanza-made';

/** Beside our configuration: what lies in the repository was found damaged, and nothing more is built on it. */
const DAMAGED = 'damaged';

export async function noteDamage(own: PgBackRest, damaged: boolean): Promise<void> {
  const note = join(own.dir, DAMAGED);
  if (damaged) await writeDurably(note, `${new Date().toISOString()}\n`, 0o600);
  else await rm(note, { force: true });
}

/** Makes the stanza, once. In words why it isn't there. */
export async function ensureStanza(own: PgBackRest, bounds: Bounds): Promise<Answer<void>> {
  const info = await repositoryInfo(own, bounds);
  if (!info.ok) return failedAs(info);
  const note = join(own.dir, STANZA_MADE);
  const made = (await readIfThere(note)) === `${own.name}\n`;
  if (made && info.info.major === undefined)
    return denied(
      'transient',
      `${own.name} has nothing of this stanza any more; is the disk mounted? If it was emptied on purpose, remove ${note}`,
    );
  if (made) return granted(undefined);
  const ran = await own.run(['stanza-create'], bounds);
  if (!ran.ok) return failedAs(ran);
  await writeDurably(note, `${own.name}\n`, 0o600);
  return granted(undefined);
}

/** Full when there is none, or the last one is old; else what changed since the one before. */
export function typeOfBackup(backups: readonly Backup[], fullEveryMs: number, now: number): 'full' | 'incr' {
  const full = backups.findLast(({ type }) => type === 'full');
  return full === undefined || now - full.timestamp.stop * 1_000 >= fullEveryMs ? 'full' : 'incr';
}

/**
 * Takes a backup, then names a moment in the log: that is what the restore point brings back, to the transaction. A backup's own end is
 * a place where nobody can look at the rows.
 */
export async function takeBackup(
  store: PgBackRestStore,
  own: PgBackRest,
  id: string,
  ctx: StepContext,
): Promise<Answer<PointManifest>> {
  const bounds = (): Bounds => ({ deadlineMs: Math.max(1_000, ctx.remainingMs()), signal: ctx.signal });
  const ready = await ensureStanza(own, bounds());
  if (!ready.ok) return ready;
  const unarchived = await archiveToNow(store.cluster, own, bounds());
  if (unarchived !== undefined) return denied('transient', `the store ${store.name}: ${unarchived}`);
  const before = await repositoryInfo(own, bounds());
  if (!before.ok) return failedAs(before);
  const control = await controlConnection(store);
  const schemaVersion = await withClient(control, versionIn);
  const damaged = (await readIfThere(join(own.dir, DAMAGED))) !== undefined;
  const type = damaged ? 'full' : typeOfBackup(before.info.backups, own.config.fullEveryMs, Date.now());
  const notes = {
    [ANNOTATIONS.id]: id,
    [ANNOTATIONS.store]: `${ctx.environment}/${ctx.cell}/${store.name}`,
    [ANNOTATIONS.rollout]: ctx.rollout,
    [ANNOTATIONS.step]: ctx.step,
    [ANNOTATIONS.schemaVersion]: String(schemaVersion),
  };
  const annotations = Object.entries(notes).map(([key, value]) => `--annotation=${key}=${value}`);
  // What may go is decided afterwards, by what rollouts may go back to.
  const ran = await own.run(['backup', `--type=${type}`, ...annotations, '--no-expire-auto'], bounds(), 'backup');
  if (!ran.ok) return failedAs(ran);
  const moment = await nameMoment(store, control, id, ctx);
  if (moment.schemaVersion !== schemaVersion)
    return denied('transient', `the store ${store.name} was migrated while it was backed up`);
  const late = await archivedByNow(store.cluster, moment.lastWal, bounds());
  if (late !== undefined) return denied('transient', `the store ${store.name}: ${late}`);
  const after = await repositoryInfo(own, bounds());
  if (!after.ok) return failedAs(after);
  const backup = after.info.backups.find(({ annotation }) => annotation?.[ANNOTATIONS.id] === id);
  if (backup === undefined) return denied('transient', `${own.name} says that it took a backup, and has none`);
  const digest = await own.digestOf(`backup/${own.config.stanza}/${backup.label}/backup.manifest`, bounds());
  if (!digest.ok) return failedAs(digest);
  const { census, takenAt, lsn, lastWal, server } = moment;
  return granted({
    ...{ v: 1, id, store: store.name, database: store.database, rollout: ctx.rollout, step: ctx.step },
    ...{ schemaVersion, takenAt, files: [], source: { server, tool: await toolOf(own, bounds()), lsn } },
    ...(census !== undefined && { census }),
    pgbackrest: {
      ...{ stanza: own.config.stanza, label: backup.label, manifest: digest.output, moment: momentOf(id), lsn },
      ...{ firstWal: backup.archive.start, lastWal, bytes: backup.info.size },
    },
  });
}

/** Names this moment in the log and counts the rows that it has, from just before to just after. */
async function nameMoment(store: PgBackRestStore, control: pg.ClientConfig, id: string, ctx: StepContext) {
  const promise = new RowPromise(store.census === true ? control : undefined);
  try {
    await promise.before();
    const moment = await withClient(control, async (client) => {
      const { rows } = await client.query<{ lsn: string; at: string; server: string }>(
        `select pg_create_restore_point($1)::text as lsn, (extract(epoch from clock_timestamp()) * 1000)::bigint::text as at,
           current_setting('server_version') as server`,
        [momentOf(id)],
      );
      const { lsn, at, server } = rows[0]!;
      return {
        lsn,
        takenAt: Number(at),
        server,
        schemaVersion: await versionIn(client),
        lastWal: await endSegment(client),
      };
    });
    await promise.after();
    return { ...moment, census: await promise.count(ctx.signal) };
  } finally {
    await promise.close();
  }
}

async function versionIn(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ v: number }>(
    'select coalesce(max(version), 0)::int as v from headgate.migration',
  );
  return rows[0]!.v;
}

async function endSegment(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
  return rows[0]!.name;
}

async function toolOf(own: PgBackRest, bounds: Bounds): Promise<string> {
  const ran = await own.run(['version'], bounds);
  return ran.ok ? ran.output.trim().slice(0, 200) : 'pgBackRest';
}

/** As a step is answered: what may pass is tried again. */
export function failedAs({ why, later }: Pick<Extract<Ran, { readonly ok: false }>, 'why' | 'later'>) {
  return denied(later ? 'transient' : 'rejected', why);
}
