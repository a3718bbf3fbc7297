/** The application's own program on a copy: the runner that a promotion uses, pointed at the copy and at a folder that is thrown away. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { reachableProgram } from '../../machine/program-copy.ts';
import { closedFolder } from '../../machine/reachable.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import type { CommandMigrations } from '../command-migrator/command-config.ts';
import { CommandMigrator } from '../command-migrator/command-migrator.ts';
import { endLeftovers } from '../program-run/leftovers.ts';
import { ownersConnection, type Store, withoutTimeouts } from '../store/store-session.ts';
import type { ReleaseWithFiles } from './business/serving-releases.ts';
import { PROGRAMS, throwAwayFolder } from './throw-away-cluster.ts';
import type { ProgramSetting } from './trace-program.ts';

export interface ProgramToRun {
  /** As the cell's configuration says. */
  readonly migrations: CommandMigrations;
  /** What `${node}` stands for. */
  readonly node: string;
  readonly release: ReleaseWithFiles;
  /** Folder for what is thrown away. */
  readonly workDir: string;
  readonly signal: AbortSignal;
}

/** Kept beside a call's own time, for what is done around it. Milliseconds. */
const AROUND_MS = 60_000;

/**
 * Does `work` with the program. The copy is on a server of our own: its application's own login gets a password there, by which the
 * application is asked for its version, and others read and write meanwhile.
 */
export async function withProgram<T>(
  { migrations, node, release, workDir, signal }: ProgramToRun,
  copy: Store,
  client: pg.Client,
  login: string,
  work: (setting: ProgramSetting, own: pg.ClientConfig) => Promise<T>,
): Promise<T> {
  const password = randomBytes(24).toString('base64url');
  await client.query(`alter role ${pg.escapeIdentifier(copy.user)} with login password ${pg.escapeLiteral(password)}`);
  const programs = await findPrograms(15, workDir);
  const { user } = programs;
  const closed = user && (await closedFolder(workDir, user));
  if (closed)
    throw new Error(
      `${closed} is closed to the user ${user.name}, who runs the application's program; choose another --work-dir`,
    );
  const { dir, remove } = await throwAwayFolder(workDir, programs, 'rehearsal');
  try {
    const store = { ...copy, passwordFile: async () => password, migrations };
    const migrator = new CommandMigrator(new Map([[copy.name, store]]), {
      dir: join(dir, PROGRAMS),
      user,
      node: await reachableProgram(node, `node-${process.version}`, user),
    });
    const bounds = { deadlineMs: migrations.timeoutMs + AROUND_MS, signal };
    const own = { ...(await ownersConnection(store)), options: await withoutTimeouts(copy.cluster) };
    const kill = () => endLeftovers(join(dir, PROGRAMS, copy.name, 'scratch'));
    return await work({ migrator, store: copy.name, watched: { login }, release, bounds, kill }, own);
  } finally {
    await remove();
  }
}
