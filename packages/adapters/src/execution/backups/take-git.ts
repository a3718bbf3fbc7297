/** Takes a Git repository as one bundle of all its refs, out of a mirror of its own that is thrown away. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitPromise } from '@headgate/domain';
import { readIfThere } from '../../machine/durable-file.ts';
import type { GitSource } from './backup-config.ts';
import { newBare, promiseOf, refsIn } from './git-repository.ts';
import type { GitRuns } from './git-runs.ts';
import { BackupTrouble } from './trouble.ts';

/** The bundle's name in a backup. */
export const BUNDLE = 'repository.bundle';

/** What the source says of its refs now: of those that are asked for, and HEAD. */
export async function askedRefs(
  runs: GitRuns,
  { repository, refs }: GitSource,
): Promise<Pick<GitPromise, 'head' | 'refs'>> {
  const listed = await runs.git(['ls-remote', '--quiet', '--symref', '--', repository]);
  const wanted = refs.map(matching);
  const found = refsIn(listed).filter(({ name }) => wanted.some((matches) => matches(name)));
  const head = /^ref: (refs\/\S+)\tHEAD$/m.exec(listed)?.[1];
  return { ...(head !== undefined && found.some(({ name }) => name === head) && { head }), refs: found };
}

/** Takes it into `dir`, a folder; what it promises is what that bundle holds. */
export async function takeGit(runs: GitRuns, source: GitSource, dir: string): Promise<GitPromise> {
  const asked = await askedRefs(runs, source);
  const none = source.refs.includes('refs/*')
    ? 'it has no refs: nothing is in it'
    : `none of its refs is of ${source.refs.join(', ')}`;
  if (asked.refs.length === 0) throw new BackupTrouble(none);
  const mirror = join(runs.dir, 'mirror');
  await newBare(runs, mirror, asked.refs[0]?.oid);
  const at = [`--git-dir=${mirror}`];
  const options = ['--quiet', '--no-tags', '--no-auto-gc', '--no-write-fetch-head', '--no-recurse-submodules'];
  await runs.git([...at, 'fetch', ...options, '--', source.repository, ...source.refs.map((ref) => `+${ref}:${ref}`)]);
  if ((await readIfThere(join(mirror, 'shallow'))) !== undefined) throw new BackupTrouble(SHALLOW);
  if (asked.head !== undefined) await runs.git([...at, 'symbolic-ref', 'HEAD', asked.head]);
  const promise = await promiseOf(runs, mirror);
  const here = new Set(promise.refs.map(({ name }) => name));
  const left = asked.refs.filter(({ name }) => !here.has(name));
  if (left.length > 0) {
    // It may have been removed meanwhile; one that is still there was refused.
    const still = new Set((await askedRefs(runs, source)).refs.map(({ name }) => name));
    if (left.some(({ name }) => still.has(name))) throw new BackupTrouble(SHALLOW);
  }
  const bundle = join(runs.dir, BUNDLE);
  await runs.git([...at, 'bundle', 'create', '--quiet', bundle, '--all'], { times: 3 });
  await rename(bundle, join(dir, BUNDLE));
  return promise;
}

const SHALLOW =
  'a part of its history isn’t there (a shallow clone), so a backup of it couldn’t be restored: name the repository that it was cloned from';

/** Whether a ref is of a pattern: the name itself, or all that begins so. */
function matching(pattern: string): (name: string) => boolean {
  return pattern.endsWith('*') ? (name) => name.startsWith(pattern.slice(0, -1)) : (name) => name === pattern;
}
