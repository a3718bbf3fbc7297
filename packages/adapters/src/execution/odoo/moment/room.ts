/** Whether there is room on each disk for what a tenant's way back lays down, asked before anything is: half way there a full disk ends everybody of it. */
import { stat, statfs } from 'node:fs/promises';
import { bytesText } from '@headgate/domain/standby/standby';
import { ROOM } from '../../recover/recover-aside.ts';

/** What is going to lie below a folder, in words and in bytes. */
export interface RoomNeed {
  readonly what: string;
  readonly dir: string;
  readonly bytes: number;
}

/** A need, with the disk that it is on. */
export interface NeedOnDisk extends RoomNeed {
  readonly disk: number;
  /** Bytes that are free there. */
  readonly free: number;
}

/** Why it won't do, in words; undefined: each disk has room for all that goes there, and some to spare. */
export function lackOfRoom(needs: readonly NeedOnDisk[]): string | undefined {
  for (const [, there] of Map.groupBy(needs, ({ disk }) => disk)) {
    const needed = there.reduce((sum, { bytes }) => sum + bytes, 0) + ROOM;
    const { free, dir } = there[0]!;
    if (free >= needed) continue;
    const each = there.map(({ what, bytes }) => `${what} ${bytesText(bytes)}`);
    return `the disk of ${dir} has ${bytesText(free)} free, and ${bytesText(needed)} are needed: ${each.join(', ')}, and ${bytesText(ROOM)} to spare`;
  }
  return undefined;
}

export async function onDisks(needs: readonly RoomNeed[]): Promise<readonly NeedOnDisk[]> {
  return Promise.all(
    needs.map(async (need) => {
      const { bavail, bsize } = await statfs(need.dir);
      return { ...need, disk: (await stat(need.dir)).dev, free: bavail * bsize };
    }),
  );
}
