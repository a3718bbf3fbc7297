/** A restore point in a vault, for a drill. */
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrilledPoint, DrilledWal } from '@headgate/domain';
import { isDatedAhead } from '@headgate/domain/vault/dated-ahead';
import { lsnOfSegment, segmentNumber } from '../../postgres-cluster/wal-place.ts';
import { controlConnection } from '../store/store-session.ts';
import { choosePoint } from '../vault/choose-point.ts';
import { fetchPoint } from '../vault/fetch-point.ts';
import { PointContents } from '../vault/point-contents.ts';
import type { Unsealing } from '../vault/unseal-point.ts';
import { listVault } from '../vault/vaulted-points.ts';
import { cameTo } from '../vault/wal/came-to.ts';
import { fetchWal, gapOnTheWay } from '../vault/wal/fetch-wal.ts';
import { readReach } from '../vault/wal/vaulted-wal.ts';
import { goesOnFrom } from '../vault/wal/wal-timelines.ts';
import { gapText, type LogGap } from '../vault/wal/whole-log.ts';
import { bringBack } from './bring-back.ts';
import { type BringBackAsk, WAL } from './brought-back.ts';
import type { DrillAsk } from './drill.ts';
import { InOurWords, LogHasGap } from './in-our-words.ts';
import { type FetchedLog, type PointToDrill, ROOM } from './point-to-drill.ts';

/** `dir`: the drill's folder. */
export async function chosenInVault(of: BringBackAsk['of'], ask: DrillAsk, dir: string): Promise<PointToDrill> {
  const wanted = ask.id ?? (of.form === 'physical' ? await newestOnItsWay(ask) : undefined);
  const chosen = await choosePoint(ask.vault, ask.from, wanted, ask.trust, ask.signal);
  if (!chosen.ok) throw new InOurWords(chosen.why);
  const { unsealing } = chosen;
  const { id, database } = unsealing.sealed;
  const files = join(dir, 'points', id);
  return {
    told: pointOf(unsealing),
    files,
    fetch: () => fetchInto(unsealing, of.form, ask, dir),
    fetchLog: async () => (of.form === 'physical' ? fetchLog(unsealing, ask, dir) : undefined),
    bringBack: (latest) => bringBack({ ...ask, of, id, major: database.major, dir, latest }),
    promised: async () => PointContents.parse(JSON.parse(await readFile(join(files, 'manifest.json'), 'utf8'))),
  };
}

/**
 * After a store was brought back, restore points that are newer than where it was brought back to are of a course that was left.
 * So is one that is dated ahead of now: nobody knows when it was. `undefined`: there is no log, or something newer isn't right, which is passed over by nobody.
 */
export async function newestOnItsWay({
  vault,
  from,
  trust,
  signal,
}: Pick<DrillAsk, 'vault' | 'from' | 'trust' | 'signal'>): Promise<string | undefined> {
  const reach = await readReach(vault, from, trust, signal);
  if (!reach.ok || reach.value === undefined) return undefined;
  const { value } = reach;
  const { points } = await listVault(vault, from, trust, signal);
  const now = Date.now();
  const place = points.findIndex(
    ({ sealed, takenAt }) => sealed !== undefined && !isDatedAhead(takenAt, now) && goesOnFrom(value, sealed),
  );

  return place < 0 || points.slice(0, place).some(({ readable }) => !readable) ? undefined : points[place]!.id;
}

async function fetchInto(
  unsealing: Unsealing,
  form: 'physical' | 'dump',
  { identities, from }: DrillAsk,
  dir: string,
): Promise<void> {
  const { sealed } = unsealing;
  if (sealed.database.form !== form)
    throw new InOurWords(
      `${sealed.id} is a ${sealed.database.form} copy, and ${from.store} comes back from a ${form} one`,
    );
  const { bavail, bsize } = await statfs(dir);
  const needed = 2 * sealed.bytes + ROOM;
  if (bavail * bsize < needed)
    throw new InOurWords(`the folder for drills has room for ${bavail * bsize} bytes, ${needed} are needed`);
  const fetched = await fetchPoint(unsealing, identities, join(dir, 'points'));
  // A file's name may be a customer's word.
  if (!fetched.ok) throw new InOurWords(fetched.why.replace(/\b(files|filestore)\/.* isn't/s, "a file isn't"));
}

/** The store's log from the restore point on, where the vault has it. */
async function fetchLog(
  { store, sealed, signal }: Unsealing,
  ask: DrillAsk,
  dir: string,
): Promise<FetchedLog | undefined> {
  const { from, trust, identities, walEveryMs } = ask;
  const way = { store, of: from, trust, from: sealed, signal };
  const gap = await gapOnTheWay(way);
  if (!gap.ok) throw new InOurWords(gap.why);
  if (gap.value !== undefined) throw new LogHasGap(gapText(gap.value), beforeGap(gap.value));
  const fetched = await fetchWal({ ...way, identities, to: join(dir, WAL) });
  if (!fetched.ok) throw new InOurWords(fetched.why);
  if (fetched.value === undefined) return undefined;
  const { reach, segments } = fetched.value;
  const { at: reachedAt, sealedAt, lsn } = reach;
  return {
    wal: { segments, reachedAt, sealedAt, lsn, ...(walEveryMs !== undefined && { everyMs: walEveryMs }) },
    came: async (copy) => cameTo(await controlConnection(copy.store), reach),
  };
}

/** What would come back up to its moment (`--at`), by the reach that `restore-points list` tells. */
function beforeGap({ until, before, segment }: LogGap & { readonly before: number }): DrilledWal | undefined {
  if (until === undefined) return undefined;
  return { segments: before, reachedAt: until, sealedAt: until, lsn: lsnOfSegment(segmentNumber(segment)) };
}

function pointOf({ sealed, manifest }: Unsealing): DrilledPoint {
  const { id, takenAt, sealedAt, schemaVersion, bytes, files, database } = sealed;
  const { form, major, lsn } = database;
  const at = lsn?.stop ?? lsn?.start;
  return {
    id,
    takenAt,
    sealedAt,
    manifest,
    schemaVersion,
    form,
    major,
    bytes,
    files,
    ...(at !== undefined && { lsn: at }),
  };
}
