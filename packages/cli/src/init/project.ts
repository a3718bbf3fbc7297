import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What is looked at of a folder: names alone, and the text of small files that say something. */
export interface Project {
  /** Of the folder. */
  readonly name: string;
  /** Relative, with `/`, sorted; bounded. */
  readonly paths: readonly string[];
  /** Text of what was read. */
  readonly texts: ReadonlyMap<string, string>;
  readonly git: { readonly remote: string | undefined; readonly branch: string | undefined } | undefined;
  /** Whether there was more than is looked at. */
  readonly truncated: boolean;
}

const MOST = { files: 5_000, depth: 6, bytes: 256 * 1024, texts: 400 };
const PASSED_OVER = new Set([
  'node_modules',
  '.git',
  '.headgate',
  'vendor',
  'dist',
  'build',
  'target',
  '__pycache__',
  '.venv',
  'venv',
]);
const READ =
  /(^|\/)(package\.json|Procfile|Dockerfile|Gemfile|pyproject\.toml|requirements[^/]*\.txt|alembic\.ini|application\.(properties|ya?ml))$|\.(m?[jt]s|cjs|py|rb|go|java|kt|php|cs|ex)$/;

const run = promisify(execFile);

/** Looks at a folder. Reads nothing outside of it, follows no link, changes nothing. */
export async function lookAtProject(folder: string, name: string): Promise<Project> {
  const paths: string[] = [];
  let truncated = false;
  const walk = async (below: string, depth: number): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (paths.length >= MOST.files || depth > MOST.depth) {
        truncated = true;
        return;
      }
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory() && !PASSED_OVER.has(entry.name)) await walk(path, depth + 1);
      else if (entry.isFile()) paths.push(path);
    }
  };
  await walk('', 0);
  paths.sort();
  const texts = new Map<string, string>();
  for (const path of paths.filter((each) => READ.test(each)).slice(0, MOST.texts)) {
    if ((await stat(join(folder, path))).size <= MOST.bytes)
      texts.set(path, await readFile(join(folder, path), 'utf8'));
  }
  return { name, paths, texts, git: await gitOf(folder), truncated };
}

async function gitOf(folder: string): Promise<Project['git']> {
  const ask = async (...args: string[]): Promise<string | undefined> => {
    const said = await run('git', ['-C', folder, ...args], { timeout: 5_000 }).catch(() => undefined);
    return said?.stdout.trim() || undefined;
  };
  if ((await ask('rev-parse', '--is-inside-work-tree')) !== 'true') return undefined;
  const remote = await ask('remote', 'get-url', 'origin');
  // An address may hold a token.
  const plain = remote?.replace(/\/\/[^/@]*@/, '//');
  return { remote: plain, branch: await ask('symbolic-ref', '--short', 'HEAD') };
}
