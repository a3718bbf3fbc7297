/**
 * A drill of a backup of Headgate's own: it is restored by what restores after a disaster, into a folder that is thrown away,
 * and looked at there. Whether a backup is one is known only then.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  openEmbeddedControl,
  openPostgresControl,
  type PostgresControl,
} from '@headgate/adapters/control/postgres/index';
import { homeOf, makeFolder, removeHome } from '@headgate/adapters/machine/index';
import { withClient } from '@headgate/adapters/postgres-cluster/index';
import { auditRows, type LogStore } from '@headgate/control';
import {
  canonicalBytes,
  consistencyProof,
  digestOfJson,
  Frontier,
  leafOf,
  verifyConsistency,
} from '@headgate/documents';
import { clusterIn } from '../database/embedded.ts';
import { AUDIT_MEANS } from '../documents/audit-means.ts';
import { openFolder } from '../installation/folder.ts';
import { signedHead } from '../installation/log-memory.ts';
import { restoreBackup } from './restore.ts';

/** What the database that runs says of itself. */
export interface Live {
  readonly installation: { readonly id: string; readonly origin: string; readonly logKey: string };
  readonly log: Pick<LogStore, 'head' | 'nodes'>;
}

export interface BackupDrill {
  readonly ok: boolean;
  /** What was wrong, each in words. */
  readonly because: readonly string[];
  /** Until everything was looked at. Milliseconds. */
  readonly tookMs: number;
  /** Entries of the log that came back. */
  readonly entries: number;
  /** Entries of the live log that didn't. */
  readonly lostEntries: number;
  /** When the backup was taken. Milliseconds since 1970. */
  readonly takenAt: number;
}

/** Reasons that are told. */
const MOST_REASONS = 20;
const ENTRIES = 1_000;
const ROWS = 500;

/**
 * Restores the backup in `from`, whose manifest has the SHA-256 `sum`, below `place`, which is made and removed. Never throws
 * over what is wrong with the backup. With `signal` aborted it ends, and says so.
 */
export async function drillBackup(
  from: string,
  sum: string | undefined,
  place: string,
  live: Live,
  signal: AbortSignal,
): Promise<BackupDrill> {
  const began = performance.now();
  const because: string[] = [];
  let [entries, lostEntries, takenAt] = [0, 0, 0];
  try {
    await clearAway(place);
    await makeFolder(place, 0o755);
    const folder = await openFolder(place);
    const { manifest } = await restoreBackup(folder, from, new Date(), sum);
    takenAt = Date.parse(manifest.takenAt);
    if (manifest.installation !== live.installation.id) because.push('it is of another installation');
    signal.throwIfAborted();
    const { config, programs } = await clusterIn(folder);
    const { databaseUrl, adminUrl } = await openEmbeddedControl(config, programs);
    const control = await openPostgresControl({ databaseUrl, poolSize: 4, applicationName: 'headgate drill' });
    try {
      entries = await sameLog(control, live, manifest.log.size, because, signal);
      lostEntries = Math.max(0, ((await live.log.head())?.size ?? 0) - entries);
      await sameRows(control, because, signal);
      because.push(...(await spoiltBlobs(adminUrl)));
    } finally {
      await control.close();
    }
  } catch (error) {
    because.push((error as Error).message);
  } finally {
    await clearAway(place).catch((error: Error) => because.push(`${place} couldn’t be removed: ${error.message}`));
  }
  const told = because.slice(0, MOST_REASONS).map((each) => each.slice(0, 500).toWellFormed());
  const tookMs = Math.round(performance.now() - began);
  return { ok: because.length === 0, because: told, tookMs, entries, lostEntries, takenAt };
}

/** The log as it came back: every entry hashed anew, under a head that its key signed, and a beginning of the live one. */
async function sameLog(
  { log }: PostgresControl,
  { installation, log: live }: Live,
  promised: number,
  because: string[],
  signal: AbortSignal,
): Promise<number> {
  const [head, now] = [await log.head(), await live.head()];
  if (head === undefined || now === undefined) {
    because.push(head === undefined ? 'its log has no signed tree head' : 'the live log has no signed tree head');
    return 0;
  }
  const frontier = Frontier.empty();
  for (let at = 0; at < head.size; at += ENTRIES) {
    signal.throwIfAborted();
    const read = await log.entries(at, Math.min(ENTRIES, head.size - at));
    for (const { place, bytes } of read) {
      if (place !== frontier.size) {
        because.push(`entry ${frontier.size} of the log is missing`);
        return frontier.size;
      }
      frontier.append(leafOf(bytes));
    }
    if (frontier.size !== Math.min(at + ENTRIES, head.size)) {
      because.push(`entry ${frontier.size} of the log is missing`);
      return frontier.size;
    }
  }
  if (head.size < promised)
    because.push(`its log has ${head.size} entries under its head, and its manifest promises ${promised}`);
  const signed = signedHead(head.note, installation);
  if (signed === undefined) because.push('its tree head isn’t signed by this installation’s log key');
  const root = frontier.root();
  if (signed !== undefined && (signed.size !== head.size || !signed.root.equals(root)))
    because.push('its entries don’t hash to the root that its tree head signs: one was changed');
  if (now.size < head.size) because.push(`the live log has ${now.size} entries, fewer than the backup’s ${head.size}`);
  else {
    const proof = await consistencyProof(live, head.size, now.size);
    if (!verifyConsistency(head.size, root, now.size, now.root, proof))
      because.push('the live log doesn’t go on from the backup’s: one of the two was rewritten');
  }
  return head.size;
}

/** Rows that aren't what their entries fold to, as the audit compares them. */
async function sameRows({ store, blobs, log }: PostgresControl, because: string[], signal: AbortSignal): Promise<void> {
  const means = {
    ...{ store, blobs, digestOf: digestOfJson, canonical: canonicalBytes },
    ...AUDIT_MEANS,
  };
  let after: string | undefined;
  do {
    signal.throwIfAborted();
    const page = await auditRows(means, log, { limit: ROWS, ...(after !== undefined && { after }) });
    for (const { stream, field, why } of page.differences) because.push(`row ${stream}, ${field}: ${why}`);
    after = page.next;
  } while (after !== undefined && because.length < MOST_REASONS);
}

/** Blobs whose bytes aren't those that they are named for. */
async function spoiltBlobs(adminUrl: string): Promise<readonly string[]> {
  const url = new URL(adminUrl);
  const { hostname: host, port, username: user } = url;
  const login = { host, port: Number(port), user, password: decodeURIComponent(url.password) };
  return withClient({ ...login, database: decodeURIComponent(url.pathname.slice(1)) }, async (client) => {
    const { rows } = await client.query<{ digest: string }>(
      `select digest from headgate.blob where digest <> 'sha256:' || encode(sha256(bytes), 'hex') limit ${MOST_REASONS}`,
    );
    return rows.map(({ digest }) => `the bytes of blob ${digest} were changed`);
  });
}

/** Ends a cluster that a drill, this one or one that was killed, runs in its place, and removes that with its home. */
async function clearAway(place: string): Promise<void> {
  if ((await readFile(join(place, 'database.port')).catch(() => undefined)) !== undefined)
    await (await clusterIn(await openFolder(place))).stop();
  const home = await homeOf(place);
  if (home?.own === true) await removeHome(home.path);
  await rm(place, { recursive: true, force: true });
}
