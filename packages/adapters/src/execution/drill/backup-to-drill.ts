/** A backup in pgBackRest's repository, for a drill: what it promised is kept beside the store. */
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../machine/free-port.ts';
import { segmentNumber } from '../../postgres-cluster/wal-place.ts';
import { archivedSegments } from '../pgbackrest/archived-log.ts';
import { type LogReach, logGoesOn, missingOnTheWay, type PlaceInLog, readLogReach } from '../pgbackrest/log-reach.ts';
import { keptOf, openPoint } from '../pgbackrest/opened-point.ts';
import type { PgBackRest } from '../pgbackrest/pgbackrest.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { restoreBackupAside } from '../pgbackrest/restore-aside.ts';
import { PROGRAMS } from '../rehearsal/throw-away-cluster.ts';
import { controlConnection } from '../store/store-session.ts';
import { cameTo } from '../vault/wal/came-to.ts';
import { plainly } from './bring-back.ts';
import { urlOf } from './brought-back.ts';
import type { DrillAsk } from './drill.ts';
import { InOurWords } from './in-our-words.ts';
import { type FetchedLog, type PointToDrill, ROOM } from './point-to-drill.ts';

/** The newest that the log goes on from, unless something newer isn't right: nobody passes that over. */
async function newestOnItsWay(store: PgBackRestStore, reach: LogReach): Promise<string | undefined> {
  const { kept, unreadable } = await keptOf(store).list();
  const found = kept.find(({ manifest }) => logGoesOn(reach, manifest.pgbackrest))?.manifest.id;
  return found === undefined || unreadable.some(({ id }) => id > found) ? undefined : found;
}

/** The log from a restore point to where the agent saw it in the repository. It stays there: recovery reads it as it comes back. */
async function fetchedLog(
  own: PgBackRest,
  point: PlaceInLog,
  reach: LogReach,
  { deadlineMs, signal, walEveryMs }: DrillAsk,
): Promise<FetchedLog | undefined> {
  if (!logGoesOn(reach, point)) return undefined;
  const there = await archivedSegments(own, { deadlineMs, signal });
  if (!there.ok) throw new InOurWords(there.why);
  const missing = missingOnTheWay(there.segments, point.firstWal, reach.last);
  if (missing !== undefined) throw new InOurWords(`the log’s segment ${missing} isn’t in ${own.name}`);
  return {
    wal: {
      segments: segmentNumber(reach.last) - segmentNumber(point.firstWal) + 1,
      ...{ reachedAt: reach.at, sealedAt: reach.at, lsn: reach.lsn },
      ...(walEveryMs !== undefined && { everyMs: walEveryMs }),
    },
    came: async (copy) => cameTo(await controlConnection(copy.store), reach),
  };
}

/** `dir`: the drill's folder. pgBackRest is one of its own there: it neither waits for the store's nor keeps it waiting. */
export async function chosenBackup(store: PgBackRestStore, ask: DrillAsk, dir: string): Promise<PointToDrill> {
  const place = join(dir, 'cluster');
  const runsDir = join(dir, PROGRAMS);
  await mkdir(runsDir, { recursive: true, mode: 0o755 });
  const bounds = { deadlineMs: ask.deadlineMs, signal: ask.signal };
  const reach = await readLogReach(store.cluster.dir, store.pgbackrest);
  const opened = await openPoint(
    store,
    ask.id ?? (reach && (await newestOnItsWay(store, reach))),
    { dir: join(dir, 'pgbackrest'), data: join(place, 'data'), runsDir },
    bounds,
  );
  if (!opened.ok) throw new InOurWords(opened.why);
  const { own, point, manifest, major } = opened.value;
  const { takenAt, schemaVersion, census, pgbackrest } = manifest;
  return {
    told: {
      ...{
        id: manifest.id,
        takenAt,
        sealedAt: takenAt,
        manifest: point.manifest,
        schemaVersion,
        form: 'physical',
        major,
      },
      ...{ bytes: pgbackrest.bytes, files: 0, lsn: pgbackrest.lsn },
    },
    files: dir,
    async fetch() {
      const { bavail, bsize } = await statfs(dir);
      const needed = pgbackrest.bytes + ROOM;
      if (bavail * bsize < needed)
        throw new InOurWords(`the folder for drills has room for ${bavail * bsize} bytes, ${needed} are needed`);
    },
    fetchLog: async () => (reach === undefined ? undefined : fetchedLog(own, pgbackrest, reach, ask)),
    async bringBack(latest) {
      const { programs, passwordFile } = store.cluster;
      const { label, moment } = pgbackrest;
      const to = { dir: place, port: await freePort(), programs, passwordFile, bounds };
      const cluster = await restoreBackupAside({
        own,
        label,
        moment,
        target: { kind: latest ? 'latest' : 'restore-point' },
        ...to,
        lost: 'new',
      });
      if (!cluster.ok) throw new InOurWords(cluster.why);
      const back = { ...store, cluster: cluster.value };
      const url = await urlOf(cluster.value, store.database);
      return { store: back, url, ...(await plainly(back)), close: () => cluster.value.stop(0) };
    },
    promised: async () => ({ census, files: [] }),
  };
}
