import {
  digestOf,
  MAX_BUNDLE_BYTES,
  openSealedPoint,
  type PointIdentity,
  type SealedPoint,
  type SigningKey,
  signSealedPoint,
  type Trust,
} from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { checkPart } from './check-parts.ts';
import { readBounded } from './measured.ts';
import { PointContents } from './point-contents.ts';
import { sealManifest, sealParts } from './seal-parts.ts';
import { placeOf, pointPrefix, SEALED } from './vault-keys.ts';

export interface Sealing {
  readonly store: ObjectStore;
  /** Folder of the restore point. */
  readonly dir: string;
  /** Its own manifest as it stands there. */
  readonly manifest: string;
  readonly identity: PointIdentity;
  /** What the manifest in the vault says beside what is found here. */
  readonly facts: Pick<SealedPoint, 'application' | 'tenants' | 'epoch' | 'takenFor' | 'database'>;
  readonly recipients: readonly string[];
  readonly key: SigningKey;
  /** Whose manifests are known again: of an earlier try. */
  readonly trust: Pick<Trust, 'signers'>;
  /** Size of the parts before encryption. */
  readonly partBytes: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Copies a restore point into a vault. The order is what makes it safe to be killed anywhere: every part is written and read
 * back first, and the manifest, by which alone it exists, comes last.
 */
export async function sealPoint(sealing: Sealing): Promise<Answer<SealedPoint>> {
  const { store, identity, signal } = sealing;
  const manifest = digestOf(sealing.manifest);
  const before = await sealedBefore(sealing, manifest);
  if (before !== undefined) return before;
  const contents = PointContents.parse(JSON.parse(sealing.manifest));
  const place = placeOf(identity);
  const { dir, recipients, partBytes } = sealing;
  const own = { dir, manifest: sealing.manifest, files: contents.files };
  const written = await sealParts({ store, place, ...own, recipients, partBytes, signal });
  if (!written.ok) return written;
  const sealed: SealedPoint = {
    v: 1,
    ...identity,
    ...sealing.facts,
    tenants: [...sealing.facts.tenants],
    takenAt: contents.takenAt,
    sealedAt: sealing.now(),
    schemaVersion: contents.schemaVersion,
    files: contents.files.length,
    bytes: contents.files.reduce((sum, file) => sum + file.size, 0),
    recipients: [...sealing.recipients],
    ...written.value,
  };
  const put = await sealManifest(store, place, signSealedPoint(sealed, manifest, sealing.key), signal);
  return put.ok ? granted(sealed) : put;
}

/** What an earlier try sealed, read back once more; `undefined`: it is to be written. */
async function sealedBefore(sealing: Sealing, manifest: Digest): Promise<Answer<SealedPoint> | undefined> {
  const { store, identity, trust, signal } = sealing;
  const found = await store.get(`${pointPrefix(identity)}${SEALED}`, signal);
  if (found === undefined) return undefined;
  const bundle = await readBounded(found, MAX_BUNDLE_BYTES);
  const opened = openSealedPoint(bundle, trust, identity);
  if (!opened.ok) return denied('check-failed', `${SEALED} of ${identity.id} in ${store.name}: ${opened.why}`);
  if (opened.manifest !== manifest)
    return denied('check-failed', `${store.name} has another restore point of the name ${identity.id}`);
  for (const part of [opened.sealed.contents, ...opened.sealed.parts]) {
    const wrong = await checkPart(store, placeOf(identity), part, signal);
    if (wrong !== undefined) return denied('check-failed', wrong);
  }
  return granted(opened.sealed);
}
