import { openRelease, readManifest, type Trust } from '@headgate/documents';
import type { Digest, Refusal } from '@headgate/domain';
import type { KnownRelease } from '../checks/facts.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Baselines } from './baselines.ts';
import type { BlobCache } from './blob-cache.ts';

export type Vouched =
  | { readonly ok: true; readonly release: KnownRelease }
  | { readonly ok: false; readonly refusal: Refusal };

/** Opens releases with the agent's own trust: manifest and seal come from the server, the keys do not. */
export class Releases {
  readonly #plane: Pick<ControlPlane, 'bundleOf'>;
  readonly #blobs: BlobCache;
  readonly #trust: Trust;
  readonly #baselines: Baselines;
  readonly #bundles = new Map<Digest, Digest>();

  constructor(plane: Pick<ControlPlane, 'bundleOf'>, blobs: BlobCache, trust: Trust, baselines: Baselines) {
    this.#plane = plane;
    this.#blobs = blobs;
    this.#trust = trust;
    this.#baselines = baselines;
  }

  /**
   * The release of this digest, if the agent vouches for it. The seal is verified anew each time (a millisecond): bytes
   * on a disk are not trusted for having been good yesterday.
   */
  async open(digest: Digest, signal: AbortSignal): Promise<Vouched> {
    const bytes = await this.#blobs.get(digest, signal);
    const bundle = await this.#bundleOf(digest, signal);
    if (bundle === undefined) return this.#baseline(digest, bytes);
    const opened = openRelease(bytes, await this.#blobs.get(bundle, signal), this.#trust);
    if (!opened.ok) {
      const { ok: _, ...refusal } = opened;
      return { ok: false, refusal };
    }
    return { ok: true, release: { digest: opened.ref.digest, manifest: opened.manifest, by: 'signature' } };
  }

  #baseline(digest: Digest, bytes: Uint8Array): Vouched {
    const refuse = (code: string, why: string, unblock: string): Vouched => ({
      ok: false,
      refusal: { code, what: `take up the release ${digest}`, where: `release/${digest}`, why, unblock },
    });
    if (!this.#baselines.has(digest))
      return refuse(
        'not-signed',
        'it has no seal, and this agent never saw it running before it was under control',
        'create the release with a key that the agent’s trust file lists',
      );
    const read = readManifest(bytes);
    if (!read.ok) return refuse('manifest-malformed', read.why, 'adopt the cell again');
    return { ok: true, release: { digest, manifest: read.manifest, by: 'own-observation' } };
  }

  /** Which blob seals a release never changes in a way that matters: whatever it is, it must verify. */
  async #bundleOf(digest: Digest, signal: AbortSignal): Promise<Digest | undefined> {
    const known = this.#bundles.get(digest);
    if (known !== undefined) return known;
    const bundle = await this.#plane.bundleOf(digest, signal);
    if (bundle === undefined || bundle === null) return undefined;
    this.#bundles.set(digest, bundle);
    return bundle;
  }
}
