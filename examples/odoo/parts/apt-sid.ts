import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askMirror, type MirrorPatience, PATIENCE } from './apt.ts';
import { debianMirror } from './debian-mirror.ts';
import { runProgram } from './run-program.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A newer Debian suite as apt sees it, in folders of its own: the machine's own lists and sources aren't touched. */
export interface AptSid {
  /** Runs one of apt's programs that asks the mirror, for sid alone. */
  ask(command: readonly string[], timeoutMs: number, cwd?: string): Promise<void>;
  /** What the index says of a package's newest version. */
  show(name: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Reads sid's signed index from the machine's own mirror. apt itself checks the index against Debian's keyring and each
 * package against the index; what isn't signed is refused.
 */
export async function aptSid(aptDir?: string, patience: MirrorPatience = PATIENCE): Promise<AptSid> {
  const mirror = await debianMirror(aptDir);
  const dir = await mkdtemp(join(tmpdir(), 'headgate-apt-'));
  const file = (name: string) => join(dir, name);
  await mkdir(file('lists/partial'), { recursive: true });
  await mkdir(file('cache/archives/partial'), { recursive: true });
  const source = `Types: deb\nURIs: ${mirror.uri}\nSuites: sid\nComponents: main\nSigned-By: ${mirror.signedBy ?? KEYRING}\n`;
  await writeFile(file('sid.sources'), source);
  const settings: Record<string, string> = {
    'Dir::Etc::sourcelist': file('sid.sources'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': '-',
    'Dir::State::lists': file('lists'),
    'Dir::Cache': file('cache'),
    'Acquire::Languages': 'none',
    'Acquire::AllowInsecureRepositories': 'false',
    'Acquire::AllowDowngradeToInsecureRepositories': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
    // The folder is ours alone, so the download's own user couldn't write there.
    'APT::Sandbox::User': 'root',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  await writeFile(file('apt.conf'), lines.join(''));
  const env = { APT_CONFIG: file('apt.conf') };
  return {
    async ask(command, timeoutMs, cwd = dir) {
      await askMirror(command, { timeoutMs, cwd, env }, patience);
    },
    show: (name) => runProgram(['apt-cache', 'show', '--no-all-versions', name], { timeoutMs: 60_000, cwd: dir, env }),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
