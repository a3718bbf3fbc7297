import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BACKUP_STATUS_FILE,
  loadPrivateKey,
  loadTrust,
  readBackupStatus,
  signingKey,
  wrongWithBackups,
} from '@headgate/documents';
import { dataPlace, placeText } from '../data/data-place.ts';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';

/** What checks of this machine are told. */
export interface LocalFacts {
  /** The server's data folder, if it is on this machine. */
  readonly folder: string | undefined;
}

/** Below both of them a disk counts as full. */
const LEAST_FREE = { share: 0.05, bytes: 1024 * 1024 * 1024 };

const configuration: Check<LocalFacts> = {
  name: 'configuration',
  async look({ folder }) {
    if (folder === undefined)
      return [
        unknown(
          this.name,
          'no data folder (.headgate) is here or above, so the server’s own files can’t be looked at',
          'run doctor beside the server’s data folder, or set HEADGATE_DATA',
        ),
      ];
    const secrets = join(folder, 'secrets');
    if (!existsSync(secrets))
      return [wrong(this.name, `${folder} holds no secrets`, `start it: headgate-server --data ${folder}`)];
    const open = readdirSync(secrets).filter((name) => (statSync(join(secrets, name)).mode & 0o077) !== 0);
    if (open.length > 0)
      return [
        wrong(
          this.name,
          `others may read ${open.map((name) => join(secrets, name)).join(', ')}`,
          'chmod 600 them, and replace what they hold',
        ),
      ];
    return [ok(this.name, `${folder}, its secrets readable for their owner alone`)];
  },
};

/** What a server with `--backup-to` wrote down; of an external database its own tools know. */
const backups: Check<LocalFacts> = {
  name: 'backups',
  async look({ folder }) {
    if (folder === undefined || !existsSync(join(folder, 'database.port'))) return [];
    const file = join(folder, BACKUP_STATUS_FILE);
    const begin = 'headgate-server --backup-to DIR (docs/operations/backup-and-restore.md)';
    if (!existsSync(file)) return [unknown(this.name, 'the server takes no backups of its database by itself', begin)];
    const status = readBackupStatus(readFileSync(file, 'utf8'));
    if (status === undefined) return [wrong(this.name, `${file} isn’t what a server wrote`, begin)];
    const trouble = wrongWithBackups(status, Date.now());
    const mend = `headgate-server backup --status --data ${folder}, and the server’s log`;
    if (trouble.length > 0) return trouble.map((why) => wrong(this.name, why, mend));
    const { good, drill } = status;
    if (good === undefined || drill === undefined)
      return [unknown(this.name, 'no backup was taken and drilled yet', mend)];
    return [ok(this.name, `the newest is ${good.name}, and the last drill brought ${drill.entries} entries back`)];
  },
};

const keys: Check<LocalFacts> = {
  name: 'keys',
  async look({ folder }) {
    if (folder === undefined)
      return [unknown(this.name, 'the trust file is in the server’s data folder', 'run doctor there')];
    const file = join(folder, 'trust.yaml');
    if (!existsSync(file))
      return [
        wrong(
          this.name,
          `there is no ${file}, so every release is refused`,
          'headgate setup FOLDER, or write one (docs/trust.md)',
        ),
      ];
    const read = loadTrust(file);
    if (!read.ok)
      return [
        wrong(
          this.name,
          read.problems.map((p) => p.message).join('; '),
          `correct ${file}; until then nothing is trusted`,
        ),
      ];
    const known: Finding = ok(
      this.name,
      read.trust.signers.length === 1 ? 'one key is trusted' : `${read.trust.signers.length} keys are trusted`,
    );
    const own = join(folder, 'ci', 'release.key');
    if (!existsSync(own)) return [known];
    const loaded = loadPrivateKey(own);
    if (!loaded.ok) return [known, wrong(this.name, `${own}: ${loaded.why}`, loaded.unblock)];
    const { keyId } = signingKey(loaded.privateKeyPem);
    if (read.trust.signers.some((signer) => signer.keyId === keyId)) return [known];
    return [
      wrong(
        this.name,
        `${own} isn't among the trusted keys: what it signs is refused`,
        `add its public half to ${file}`,
      ),
    ];
  },
};

const disk: Check<LocalFacts> = {
  name: 'disk',
  async look({ folder }) {
    if (folder === undefined) return [unknown(this.name, 'the data folder isn’t on this machine', 'run doctor there')];
    const { bavail, blocks, bsize } = await statfs(folder);
    const [free, share] = [bavail * bsize, bavail / blocks];
    const why = `${Math.round(free / 1024 / 1024)} MB (${Math.round(share * 100)} %) are free below ${folder}`;
    if (free < LEAST_FREE.bytes && share < LEAST_FREE.share)
      return [
        wrong(
          this.name,
          why,
          'make room, or move the data folder: a full disk stops PostgreSQL, and restore points with it',
        ),
      ];
    return [ok(this.name, why)];
  },
};

const data: Check<LocalFacts> = {
  name: 'data',
  async look({ folder }) {
    if (folder === undefined) return [unknown(this.name, 'the data folder isn’t on this machine', 'run doctor there')];
    const place = await dataPlace(folder);
    const { home } = place;
    if (home !== undefined && !home.own)
      return [
        wrong(
          this.name,
          placeText(place),
          'a copy of a data folder works on the databases of the one that it was copied from: restore it (docs/operations/backup-and-restore.md), or remove the copy',
        ),
      ];
    return [ok(this.name, `${placeText(place)}; to be rid of it: headgate data remove ${place.folder.path}`)];
  },
};

/** Checks of this machine's files. */
export const LOCAL_CHECKS: readonly Check<LocalFacts>[] = [configuration, keys, disk, data, backups];
