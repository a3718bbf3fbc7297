/** A superuser's password for a cluster that came back without one: the machine that held it may be gone for good. */
import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { writeDurably } from '../machine/durable-file.ts';
import { Cluster, SUPERUSER } from './cluster.ts';
import { withClient } from './database.ts';

/**
 * Starts a cluster whose superuser's password nobody has, and gives it a new one, in the cluster's own file of mode 0600. Until it has
 * that, it listens on no address, only on a socket in a folder that nobody else can enter; then it is started anew as it is
 * meant to run. Not for a cluster that others use: their copy of the password would be worth nothing.
 */
export async function startWithNewPassword(cluster: Cluster, deadlineMs: number): Promise<void> {
  const { user } = cluster.programs;
  // A socket's path has room for 107 bytes: not every folder that somebody names leaves it that.
  const door = await mkdtemp(join(tmpdir(), 'headgate-door-'));
  const access = join(door, 'pg_hba.conf');
  const inside = new Cluster(
    {
      ...cluster.config,
      settings: {
        ...cluster.config.settings,
        ...{ listen_addresses: '', unix_socket_directories: door, hba_file: access },
      },
    },
    cluster.programs,
  );
  try {
    await writeFile(access, `local all ${SUPERUSER} trust\n`, { mode: 0o600 });
    if (user) for (const path of [access, door]) await chown(path, user.uid, user.gid);
    await inside.start(deadlineMs);
    const password = randomBytes(24).toString('base64url');
    await writeDurably(cluster.passwordFile, `${password}\n`, 0o600);
    await withClient({ host: door, port: cluster.config.port, user: SUPERUSER, database: 'postgres' }, (client) =>
      client.query(`alter role ${pg.escapeIdentifier(SUPERUSER)} password ${pg.escapeLiteral(password)}`),
    );
  } finally {
    await inside.stop();
    await rm(door, { recursive: true, force: true });
  }
  await cluster.start(deadlineMs);
}
