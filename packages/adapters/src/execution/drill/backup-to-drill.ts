/** A backup in pgBackRest's repository, for a drill: what it promised is kept beside the store. */
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../machine/free-port.ts';
import { openPoint } from '../pgbackrest/opened-point.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { restoreBackupAside } from '../pgbackrest/restore-aside.ts';
import { PROGRAMS } from '../rehearsal/throw-away-cluster.ts';
import { plainly } from './bring-back.ts';
import { urlOf } from './brought-back.ts';
import type { DrillAsk } from './drill.ts';
import { InOurWords } from './in-our-words.ts';
import { type PointToDrill, ROOM } from './point-to-drill.ts';

/** `dir`: the drill's folder. pgBackRest is one of its own there: it neither waits for the store's nor keeps it waiting. */
export async function chosenBackup(store: PgBackRestStore, ask: DrillAsk, dir: string): Promise<PointToDrill> {
  const place = join(dir, 'cluster');
  const runsDir = join(dir, PROGRAMS);
  await mkdir(runsDir, { recursive: true, mode: 0o755 });
  const bounds = { deadlineMs: ask.deadlineMs, signal: ask.signal };
  const opened = await openPoint(
    store,
    ask.id,
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
    fetchLog: async () => undefined,
    async bringBack() {
      const { programs, passwordFile } = store.cluster;
      const { label, moment } = pgbackrest;
      const to = { dir: place, port: await freePort(), programs, passwordFile, bounds };
      const cluster = await restoreBackupAside({
        own,
        label,
        moment,
        target: { kind: 'restore-point' },
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
