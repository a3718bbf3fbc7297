/**
 * Whether what somebody laid out as a cluster's folder is all there is of it. A server that is started on it writes wherever it leads: by
 * a link or a mount, into the log or the tables of the one that serves.
 */
import { lstat, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

export interface LeadsOut {
  /** Below the folder; empty: the folder itself. */
  readonly path: string;
  readonly why: 'link' | 'hard-link' | 'no-file' | 'serving';
}

/** The first thing in it that leads elsewhere; undefined: it stands by itself. Nothing is followed, and nothing is changed. */
export async function leadsOut(dir: string, serving: string): Promise<LeadsOut | undefined> {
  const own = await identitiesOf(serving);
  const top = await lstat(dir);
  if (top.isSymbolicLink()) return { path: '', why: 'link' };
  if (own.has(identity(top))) return { path: '', why: 'serving' };
  /** Files with more than one name: how many there are, and how many were found in here. */
  const named = new Map<string, { readonly path: string; readonly names: number; found: number }>();
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name);
    const path = relative(dir, full);
    if (entry.isSymbolicLink()) return { path, why: 'link' };
    const facts = await lstat(full);
    if (facts.isDirectory()) {
      if (own.has(identity(facts))) return { path, why: 'serving' };
    } else if (!facts.isFile()) return { path, why: 'no-file' };
    else if (facts.nlink > 1) {
      const one = named.get(identity(facts)) ?? { path, names: facts.nlink, found: 0 };
      one.found += 1;
      named.set(identity(facts), one);
    }
  }
  // PostgreSQL itself gives a segment two names for a moment, both in its folder.
  const elsewhere = [...named.values()].find(({ names, found }) => found < names);
  return elsewhere && { path: elsewhere.path, why: 'hard-link' };
}

/** Whether a folder, or one in it, is the serving cluster's own: by a link or a mount. To be asked before it is removed or stopped. */
export async function isServing(dir: string, serving: string): Promise<boolean> {
  const own = await identitiesOf(serving);
  const all = [dir, ...(await readdir(dir).catch(() => [])).map((name) => join(dir, name))];
  for (const path of all) {
    const facts = await lstat(path).catch(() => undefined);
    if (facts?.isDirectory() === true && own.has(identity(facts))) return true;
  }
  return false;
}

/** Of its folder and those in it, wherever they really are. */
async function identitiesOf(data: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const path of [data, ...(await readdir(data).catch(() => [])).map((name) => join(data, name))]) {
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isDirectory() === true) found.add(identity(facts));
  }
  return found;
}

function identity({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}
