import { link, lstat, readFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from './durable-file.ts';

/** The link in a data folder that names its home. */
export const POINTER = 'system';

/** In a home: whose it is. Written at every start, so its time says when the home was last of use. */
const RECORD = 'data-folder.json';
/**
 * In a home: a second name (hard link) of the pointer itself, where both lie on one file system. As long as the pointer has
 * another name than this one, the data folder is still somewhere, also when it was moved or renamed.
 */
const TWIN = 'pointer';

const HomeRecord = z.strictObject({
  dataDir: z.string(),
  /** Of the data folder: another one at its place means that its file system isn't mounted. */
  device: z.string(),
});
type HomeRecord = z.output<typeof HomeRecord>;

/** What a home says about its data folder. */
export interface HomeOwner extends HomeRecord {
  readonly lastUse: number;
  /** How many names the pointer has, this home's own one included; `undefined` where it could have none of its own. */
  readonly pointerNames: number | undefined;
  /** Which pointer that is, see {@link pointerIdentity}. */
  readonly pointer: string | undefined;
}

/** Notes in a home which data folder it belongs to. */
export async function recordHome(home: string, dataDir: string): Promise<void> {
  const real = await realpath(dataDir);
  await nameTwice(join(real, POINTER), join(home, TWIN));
  const { dev } = await stat(real, { bigint: true });
  const record: HomeRecord = { dataDir: real, device: String(dev) };
  await writeDurably(join(home, RECORD), `${JSON.stringify(record)}\n`);
}

async function nameTwice(pointer: string, twin: string): Promise<void> {
  const [one, other] = await Promise.all([pointerIdentity(pointer), pointerIdentity(twin).catch(() => undefined)]);
  if (other?.identity === one.identity) return;
  await rm(twin, { force: true });
  await link(pointer, twin).catch((error: NodeJS.ErrnoException) => {
    // Another file system, or one that can't; or another process of this data folder was faster.
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EEXIST'].includes(error.code ?? '')) throw error;
  });
}

/** Whose a home is; `undefined` when it doesn't say. Homes that were made before there were records don't. */
export async function homeOwner(home: string): Promise<HomeOwner | undefined> {
  const file = join(home, RECORD);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const record = HomeRecord.parse(JSON.parse(text));
  const twin = await pointerIdentity(join(home, TWIN)).catch(() => undefined);
  return { ...record, lastUse: (await stat(file)).mtimeMs, pointerNames: twin?.names, pointer: twin?.identity };
}

/** A pointer, told apart from every copy of it, and how many names it has. */
export async function pointerIdentity(path: string): Promise<{ readonly identity: string; readonly names: number }> {
  const { dev, ino, nlink } = await lstat(path, { bigint: true });
  return { identity: `${dev}:${ino}`, names: Number(nlink) };
}
