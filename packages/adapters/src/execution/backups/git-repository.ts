/** What a bare repository holds, and laying one out from a bundle. */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitPromise } from '@headgate/domain';
import type { GitRuns } from './git-runs.ts';
import { BackupTrouble } from './trouble.ts';

/** So many refs at most: each is named in the backup's own manifest. */
export const MOST_REFS = 50_000;

/** What HEAD names where the source's HEAD names nothing that is there. */
const NO_BRANCH = 'no-branch-was-named';

/** Files are so many times larger than what a repository keeps of them, at most. */
const CHECKED_OUT_TIMES = 16;

type Refs = GitPromise['refs'];

/** A new bare repository without hooks or anything else of a template. `oid`: any object's name, for the length of its hash. */
export async function newBare(runs: GitRuns, dir: string, oid: string | undefined): Promise<void> {
  const format = oid?.length === 64 ? 'sha256' : 'sha1';
  await runs.git([
    'init',
    '--quiet',
    '--bare',
    '--template=',
    `--object-format=${format}`,
    `--initial-branch=${NO_BRANCH}`,
    '--',
    dir,
  ]);
}

/** Reads what a bare repository holds. */
export async function promiseOf(runs: GitRuns, dir: string): Promise<GitPromise> {
  const at = [`--git-dir=${dir}`];
  const refs = refsIn(await runs.git([...at, 'for-each-ref', '--format=%(objectname) %(refname)']));
  const head = (await runs.git([...at, 'symbolic-ref', '--quiet', 'HEAD'])).trim();
  const named = refs.some(({ name }) => name === head);
  const commits = Number((await runs.git([...at, 'rev-list', '--all', '--count'])).trim());
  const newest = (await runs.git([...at, 'rev-list', '--all', '--max-count=1'])).trim();
  return {
    ...(named && { head }),
    refs,
    commits,
    ...(newest !== '' && { newest: { oid: newest, ...(await treeOf(runs, dir, newest)) } }),
  };
}

async function treeOf(
  runs: GitRuns,
  dir: string,
  oid: string,
): Promise<{ readonly tree: string; readonly files: number }> {
  const tree = (
    await runs.git([`--git-dir=${dir}`, 'rev-parse', '--verify', '--end-of-options', `${oid}^{tree}`])
  ).trim();
  const files = await runs.run([
    `--git-dir=${dir}`,
    'ls-tree',
    '-r',
    '-z',
    '--full-tree',
    '--format=%(objecttype)',
    tree,
  ]);
  // A submodule's commit is in another repository, so nothing of it is checked out.
  return {
    tree,
    files: files
      .toString('utf8')
      .split('\0')
      .filter((type) => type === 'blob').length,
  };
}

/** Lines of an object's name and a ref's, in the order of their names. */
export function refsIn(lines: string): Refs {
  const refs = lines.split('\n').flatMap((line) => {
    const [, oid, name] = /^([0-9a-f]{40,64})[ \t](refs\/.*)$/.exec(line) ?? [];
    // What a tag leads to is listed behind it, and is no ref.
    return oid === undefined || name === undefined || name.endsWith('^{}') ? [] : [{ name, oid }];
  });
  if (refs.length > MOST_REFS)
    throw new BackupTrouble(
      `it has more than ${MOST_REFS} refs; to take fewer: git.refs, such as refs/heads/* and refs/tags/*`,
    );
  return refs.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names all refs and HEAD at once: two that are equal hold the same history. Hexadecimal. */
export function refsSha256({ head, refs }: Pick<GitPromise, 'head' | 'refs'>): string {
  const lines = [`HEAD ${head ?? ''}`, ...refs.map(({ name, oid }) => `${oid} ${name}`)];
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** What is seen of a repository that was laid out. */
export interface LaidOut {
  readonly back: GitPromise;
  /** What is wrong with it, in words; empty: nothing. */
  readonly wrong: readonly string[];
}

/**
 * Lays a bundle out as a bare repository, and looks at all of it: the bundle by itself, every object and what it leads to, and
 * the newest commit's files in a folder. Nothing stays of that folder.
 */
export async function layOut(runs: GitRuns, bundle: string, dir: string, promised: GitPromise): Promise<LaidOut> {
  await newBare(runs, dir, promised.refs[0]?.oid);
  const at = [`--git-dir=${dir}`];
  await runs.git([...at, 'bundle', 'verify', '--quiet', bundle]);
  const all = ['--quiet', '--no-tags', '--no-auto-gc', '--no-write-fetch-head', '--', bundle, '+refs/*:refs/*'];
  await runs.git([...at, 'fetch', ...all]);
  // As the source has it; a name that nothing has is left alone, and then told as a difference.
  if (promised.head !== undefined) await runs.git([...at, 'symbolic-ref', 'HEAD', promised.head]);
  const wrong: string[] = [];
  await runs.git([...at, 'fsck', '--full', '--no-dangling', '--no-progress']).catch((error: Error) => {
    if (!(error instanceof BackupTrouble)) throw error;
    wrong.push(error.message);
  });
  const back = await promiseOf(runs, dir);
  if (back.newest !== undefined) wrong.push(...(await checkOut(runs, dir, back.newest)));
  return { back, wrong };
}

async function checkOut(
  runs: GitRuns,
  dir: string,
  { tree, files }: NonNullable<GitPromise['newest']>,
): Promise<readonly string[]> {
  const place = join(runs.dir, 'tree');
  await mkdir(place, { mode: 0o700 });
  const at = [`--git-dir=${dir}`, `--work-tree=${place}`];
  const env = { GIT_INDEX_FILE: join(runs.dir, 'tree.index') };
  try {
    await runs.git([...at, 'read-tree', tree], { env });
    await runs.git([...at, 'checkout-index', '--all', '--quiet'], { env, times: CHECKED_OUT_TIMES });
    // Nothing is known of the files yet, so each is read and compared.
    await runs.git([...at, 'update-index', '-q', '--refresh'], { env, times: CHECKED_OUT_TIMES });
    // By what lies there: a file that is missing, or is another one, shows as changed.
    const changed = await runs.git([...at, 'diff-files', '--name-only', '-z'], { env, times: CHECKED_OUT_TIMES });
    const count = changed.split('\0').filter((name) => name !== '').length;
    return count === 0 ? [] : [`${count} of ${files} files of the newest commit couldn't be checked out as they are`];
  } catch (error) {
    if (!(error instanceof BackupTrouble)) throw error;
    return [`the newest commit can't be checked out: ${error.message}`];
  } finally {
    await rm(place, { recursive: true, force: true });
    await rm(env.GIT_INDEX_FILE, { force: true });
  }
}
