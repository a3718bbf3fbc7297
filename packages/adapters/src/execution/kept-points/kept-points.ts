import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest, RestorePoint } from '@headgate/domain';
import {
  type Answer,
  denied,
  granted,
  type RestorePointList,
  type StepContext,
  type UnreadableRestorePoint,
} from '@headgate/execution';
import type { z } from 'zod';
import { readBack } from '../../machine/copy-tree.ts';
import { readIfThere, syncFolder, writeDurably } from '../../machine/durable-file.ts';
import { type KeptManifest, pointOf } from './kept-manifest.ts';
import { outlived } from './outlived.ts';

export const SAME_ATTEMPT_MS = 10 * 60_000;

export interface KeptPoint<M extends KeptManifest> {
  readonly point: RestorePoint;
  readonly manifest: M;
}

/**
 * The restore points of one store, as folders with a manifest: of a dump, of files, of both. One that is there under its
 * name is whole: it appears by a rename.
 */
export class KeptPoints<M extends KeptManifest> {
  readonly dir: string;
  private readonly form: z.ZodType<M>;

  /** `form`: of the manifests that are written and read here. */
  constructor(dir: string, form: z.ZodType<M>) {
    this.dir = dir;
    this.form = form;
  }

  /** Folder of a restore point. An id comes from outside and becomes a path. */
  folder(id: string): string {
    if (!/^rp-[0-9a-z-]{1,60}$/.test(id)) throw new Error('That is no id of a restore point');
    return join(this.dir, id);
  }

  /** An id, and an empty folder to fill; what killed attempts left is removed. */
  async begin(): Promise<{ readonly id: string; readonly partial: string }> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.dir)).filter((name) => name.startsWith('rp-'));
    for (const name of names) {
      const [whole, ending] = name.split('.');
      if (ending === 'partial' || (ending && !names.includes(whole!)))
        await rm(join(this.dir, name), { recursive: true, force: true });
    }
    const at = new Date()
      .toISOString()
      .replace(/[-:]|\.\d+/g, '')
      .toLowerCase();
    const id = `rp-${at}-${randomBytes(3).toString('hex')}`;
    const partial = `${this.folder(id)}.partial`;
    await mkdir(partial, { mode: 0o700 });
    return { id, partial };
  }

  /** Makes a filled folder a restore point. */
  async complete(partial: string, manifest: M): Promise<RestorePoint> {
    const text = JSON.stringify(manifest);
    const digest = digestOf(text);
    const dir = this.folder(manifest.id);
    await writeFile(join(partial, 'manifest.json'), text, { mode: 0o600, flush: true });
    await writeDurably(`${dir}.sha256`, `${digest}\n${manifest.rollout}\n`, 0o600);
    await rename(partial, dir);
    await syncFolder(this.dir);
    return pointOf(manifest, digest, false);
  }

  /**
   * The one that this step took, if it is tried again: it takes up its own restore point while that is young, and takes a
   * new one later.
   */
  async ofAttempt({ rollout, step }: Pick<StepContext, 'rollout' | 'step'>): Promise<RestorePoint | undefined> {
    const { kept } = await this.list();
    return kept.find(
      ({ manifest }) =>
        manifest.rollout === rollout && manifest.step === step && Date.now() - manifest.takenAt < SAME_ATTEMPT_MS,
    )?.point;
  }

  /** As a store's list of them is told. */
  async told(): Promise<RestorePointList> {
    const { kept, unreadable } = await this.list();
    return {
      kept: kept.map(({ point, manifest: { rollout, schemaVersion } }) => ({ point, rollout, schemaVersion })),
      unreadable,
    };
  }

  /**
   * Reads every file back and compares. `further`: looks at what of it lies elsewhere, and says what is wrong; it is verified
   * only after that.
   */
  async verify(
    id: string,
    signal: AbortSignal,
    further: (manifest: M) => Promise<Answer<unknown>> = async () => granted(undefined),
  ): Promise<Answer<KeptPoint<M>>> {
    const dir = this.folder(id);
    await rm(`${dir}.verified`, { force: true });
    const text = await readIfThere(join(dir, 'manifest.json'));
    const { digest: expected } = await this.reported(id);
    const bad = (what: string) => denied('check-failed', `${what} (restore point ${id})`);
    if (text === undefined) return bad("it isn't there");
    if (digestOf(text) !== expected) return bad("manifest.json isn't what was reported when it was taken");
    const manifest = this.form.parse(JSON.parse(text));
    for (const file of manifest.files) {
      signal.throwIfAborted();
      const found = await readBack(join(dir, file.path));
      if (!found) return bad(`${file.path} is missing`);
      if (found.size !== file.size || found.sha256 !== file.sha256)
        return bad(`${file.path} isn't what was written (size ${found.size} of ${file.size})`);
    }
    const named = new Set(['manifest.json', ...manifest.files.map(({ path }) => path)]);
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(dir.length + 1);
      if (!entry.isDirectory() && !named.has(path)) return bad(`${path} isn't in its manifest`);
    }
    const elsewhere = await further(manifest);
    if (!elsewhere.ok) return elsewhere;
    await writeDurably(`${dir}.verified`, `${new Date().toISOString()}\n`, 0o600);
    return granted({ manifest, point: pointOf(manifest, expected as Digest, true) });
  }

  /** All that there are, newest first; also those that can't be read or aren't what was reported, with why. */
  async list(): Promise<{
    readonly kept: readonly KeptPoint<M>[];
    readonly unreadable: readonly UnreadableRestorePoint[];
  }> {
    const names = await readdir(this.dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const kept: KeptPoint<M>[] = [];
    const unreadable: UnreadableRestorePoint[] = [];
    for (const id of names.filter((each) => /^rp-[0-9a-z-]+$/.test(each))) {
      const { digest, rollout } = await this.reported(id);
      const text = await readIfThere(join(this.dir, id, 'manifest.json'));
      const manifest = this.form.safeParse(text === undefined ? undefined : parsed(text));
      if (manifest.success && digestOf(text!) === digest) {
        const verified = (await stat(join(this.dir, `${id}.verified`)).catch(() => undefined)) !== undefined;
        kept.push({ manifest: manifest.data, point: pointOf(manifest.data, digest, verified) });
      } else {
        const why = manifest.success
          ? "its manifest isn't what was reported when it was taken"
          : "its manifest can't be read";
        unreadable.push({ id, rollout, why });
      }
    }
    kept.sort((a, b) => b.manifest.takenAt - a.manifest.takenAt);
    unreadable.sort((a, b) => (a.id < b.id ? 1 : -1));
    return { kept, unreadable };
  }

  /** What was reported beside a restore point when it was taken. */
  private async reported(
    id: string,
  ): Promise<{ readonly digest: Digest | undefined; readonly rollout: string | undefined }> {
    const [digest, rollout] = ((await readIfThere(`${this.folder(id)}.sha256`)) ?? '').split('\n');
    return { digest: (digest || undefined) as Digest | undefined, rollout: rollout || undefined };
  }

  /** Removes all but the newest so many, and those that the rollout at work may need. */
  async prune(keep: number): Promise<void> {
    const kept = (await this.list()).kept.map(({ manifest }) => manifest);
    await this.remove(outlived(kept, keep).map(({ id }) => id));
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const dir = this.folder(id);
      // Away first, then removed: what is half removed must not look like one that can't be read.
      await rename(dir, `${dir}.partial`);
      for (const ending of ['.partial', '.verified', '.sha256'])
        await rm(`${dir}${ending}`, { recursive: true, force: true });
    }
  }
}

function digestOf(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
