import type { Digest, Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { type ReleaseRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse } from './result.ts';

export interface RegisterRelease {
  /** Canonical JSON of the manifest, as it was signed. */
  readonly manifest: Uint8Array;
  /** The sigstore bundle over it. */
  readonly bundle: unknown;
}

/**
 * Registers a signed release. Its signature is verified here with the server's trust; agents verify it again with theirs.
 * The files must have arrived before, by digest. Registering the same release twice is one release.
 */
export async function registerRelease(
  deps: Deps,
  principal: Principal,
  request: RegisterRelease,
): Promise<Result<ReleaseRecord>> {
  const denied = notPermitted(principal, 'register-release', 'release');
  if (denied !== undefined) return no(denied);
  const opened = deps.trust.openRelease(request.manifest, request.bundle);
  if (!opened.ok) return refuse(opened.code, 'register the release', opened.where, opened.why, opened.unblock);
  const { digest, manifest, keyId } = opened;
  const stream = streams.release(digest);
  const existing = (await deps.store.load([stream])).get(stream);
  if (existing !== undefined) return ok(existing.state as ReleaseRecord);
  const absent = await firstMissingFile(deps, manifest);
  if (absent !== undefined)
    return refuse(
      'missing-file',
      'register the release',
      `release/${digest}`,
      `the file ${absent.name} (${absent.digest}) did not arrive`,
      'upload the files of the release first',
    );
  await deps.blobs.put(request.manifest);
  const bundle = await deps.blobs.put(deps.canonical(request.bundle));
  const at = await deps.store.now();
  const record: ReleaseRecord = {
    ref: { digest, version: manifest.version },
    application: manifest.application,
    manifest,
    bundle,
    signature: { verified: true, keyId, why: '' },
    evidence: [],
    soaked: [],
    registeredAt: at,
    registeredBy: principal.id,
  };
  const data = {
    digest,
    application: manifest.application,
    version: manifest.version,
    keyId,
    bundle,
    origin: manifest.origin,
  };
  const committed = await deps.store.commit({
    by: principal.id,
    writes: [{ stream, expected: 0, entries: [{ type: 'release.registered', data }], state: record, dueAt: null }],
  });
  if (committed.ok) return ok(record);
  return ok((await deps.store.load([stream])).get(stream)?.state as ReleaseRecord);
}

async function firstMissingFile(
  deps: Deps,
  manifest: ReleaseRecord['manifest'],
): Promise<{ name: string; digest: Digest } | undefined> {
  const files = [
    ...manifest.components.flatMap((c) => c.files),
    ...manifest.migrations.flatMap((m) => (m.down === undefined ? [m.up] : [m.up, m.down])),
  ];
  for (const file of files) if ((await deps.blobs.get(file.digest)) === undefined) return file;
  return undefined;
}
