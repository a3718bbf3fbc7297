/** Files of a tenant that only restore points in its vault have: one restore point at a time, newest first, and none more than is needed. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PointIdentity, Trust } from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import { choosePoint } from '../../vault/choose-point.ts';
import { fetchPoint } from '../../vault/fetch-point.ts';
import { unsealOwn } from '../../vault/unseal-point.ts';
import { listVault } from '../../vault/vaulted-points.ts';
import type { NamedFile } from './named-files.ts';
import type { FileSource } from './place-files.ts';

export interface FilesVault {
  readonly objects: ObjectStore;
  readonly of: Omit<PointIdentity, 'id'>;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret. */
  readonly identities: readonly string[];
}

export interface VaultFilesAsk {
  readonly vault: FilesVault;
  /** For a restore point while it is looked through; it is removed afterwards. */
  readonly points: string;
  /** What is still lacking. */
  lacking(): readonly NamedFile[];
  /** Takes out of a restore point what is lacking. */
  take(source: FileSource): Promise<void>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** How many restore points were looked through. One that isn't right is told, and passed over: an older one may have it. */
export async function filesInVault({ vault, points, lacking, take, signal, say }: VaultFilesAsk): Promise<number> {
  const { objects, of, trust, identities } = vault;
  let looked = 0;
  for (const { id, readable, why } of (await listVault(objects, of, trust, signal)).points) {
    if (lacking().length === 0) return looked;
    const passedOver = (what: string | undefined): void => say(`${id} isn’t right, and passed over: ${what}`);
    if (!readable) {
      passedOver(why);
      continue;
    }
    signal.throwIfAborted();
    const chosen = await choosePoint(objects, of, id, trust, signal);
    const own = chosen.ok ? await unsealOwn(chosen.unsealing, identities) : chosen;
    if (!own.ok) {
      passedOver(own.why);
      continue;
    }
    looked += 1;
    const there = new Set(own.value.files.map(({ path }) => path));
    if (!chosen.ok || !lacking().some(({ name }) => there.has(`filestore/${name}`))) continue;
    say(`${id} is fetched, which has files that are lacking …`);
    const fetched = await fetchPoint(chosen.unsealing, identities, points);
    if (!fetched.ok) {
      passedOver(fetched.why);
      continue;
    }
    await take({ what: `the restore point ${id} in the vault`, dir: join(fetched.value.dir, 'filestore') });
    await rm(points, { recursive: true, force: true });
  }
  return looked;
}
