import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { digest as digestForm } from '@headgate/contract/schemas/common';
import type { Digest } from '@headgate/domain';
import { z } from 'zod';
import { Away, type ControlPlane } from '../control-plane/control-plane.ts';

const Stored = z.record(digestForm, digestForm.nullable());
/** So many releases' seals are remembered. */
const MOST = 200;

/**
 * Which blob seals which release, as the server last said: with it away, what is taken back must still be vouched for. It
 * is only a name; the seal is verified at each opening.
 */
export class KnownBundles {
  readonly #path: string;
  readonly #plane: Pick<ControlPlane, 'bundleOf'>;
  readonly #known: Map<Digest, Digest | null>;

  private constructor(path: string, plane: Pick<ControlPlane, 'bundleOf'>, known: Map<Digest, Digest | null>) {
    this.#path = path;
    this.#plane = plane;
    this.#known = known;
  }

  static async open(dataDir: string, plane: Pick<ControlPlane, 'bundleOf'>): Promise<KnownBundles> {
    const path = join(dataDir, 'bundles.json');
    const text = await readIfThere(path);
    const stored = text === undefined ? {} : Stored.parse(JSON.parse(text));
    return new KnownBundles(path, plane, new Map(Object.entries(stored) as [Digest, Digest | null][]));
  }

  /** As the server says, or said when it last answered. */
  async bundleOf(release: Digest, signal: AbortSignal): Promise<Digest | null | undefined> {
    try {
      const bundle = await this.#plane.bundleOf(release, signal);
      if (bundle !== undefined && bundle !== this.#known.get(release)) await this.#keep(release, bundle);
      return bundle;
    } catch (error) {
      const known = error instanceof Away ? this.#known.get(release) : undefined;
      if (known === undefined) throw error;
      return known;
    }
  }

  async #keep(release: Digest, bundle: Digest | null): Promise<void> {
    this.#known.delete(release);
    this.#known.set(release, bundle);
    while (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value as Digest);
    await writeDurably(this.#path, `${JSON.stringify(Object.fromEntries(this.#known))}\n`, 0o600);
  }
}
