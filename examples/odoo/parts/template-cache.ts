import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

const PREFIX = 'odoo-template-';
/** How many are kept: the one that is used, and the one of the branch that somebody goes back to. */
const KEPT = 2;
/** One that was used in this time isn't removed: somebody may be reading it. Milliseconds. */
const IN_USE_MS = 3_600_000;

/** Folder of a kept template, `undefined` when there is none of this key. Says by its time that it was used just now. */
export async function keptTemplate(cache: string, key: string): Promise<string | undefined> {
  const dir = join(cache, `${PREFIX}${key}`);
  const now = new Date();
  const there = await utimes(dir, now, now).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return false;
    },
  );
  return there ? dir : undefined;
}

/**
 * Keeps a template under its key: `fill` writes it into a folder of its own, which gets its name when it is whole. Where
 * another process was faster, its own stays. Older ones are removed, but for the newest two.
 */
export async function keepTemplate(cache: string, key: string, fill: (dir: string) => Promise<void>): Promise<void> {
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const staging = join(cache, `${PREFIX}${key}.new-${process.pid}`);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o755 });
  try {
    await fill(staging);
    await rename(staging, join(cache, `${PREFIX}${key}`)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  await pruneTemplates(cache);
}

/** Removes all but the newest, by their last use; also what killed attempts left behind. */
export async function pruneTemplates(cache: string, now = Date.now()): Promise<void> {
  const names = (await readdir(cache)).filter((name) => name.startsWith(PREFIX));
  const dated: { readonly path: string; readonly whole: boolean; readonly at: number }[] = [];
  for (const name of names) {
    const path = join(cache, name);
    const info = await stat(path).catch(() => undefined); // another process may prune as well
    if (info) dated.push({ path, whole: !name.includes('.'), at: info.mtimeMs });
  }
  const whole = dated.filter((each) => each.whole).sort((a, b) => b.at - a.at);
  const old = [...whole.slice(KEPT), ...dated.filter((each) => !each.whole)];
  for (const { path, at } of old) if (now - at > IN_USE_MS) await rm(path, { recursive: true, force: true });
}
