import type { Digest, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import { serves, type Target } from '@headgate/execution';
import { describe, expect, test } from 'vitest';
import { once } from './migrator-suite.ts';
import { stepContext } from './step-context.ts';

/** A target whose slots are empty, and two releases that run there. */
export interface TargetWorld {
  readonly target: Target;
  readonly slot: string;
  readonly releases: readonly [RunnableRelease, RunnableRelease];
}

export interface RunnableRelease {
  readonly ref: ReleaseRef;
  readonly manifest: ReleaseManifest;
  readonly blob: (digest: Digest) => Promise<Uint8Array>;
}

/** What every target does. `make` is asked once. */
export function targetSuite(name: string, make: () => Promise<TargetWorld>): void {
  describe(`${name} is a target`, () => {
    const world = once(make);
    const at = (n: number, release?: RunnableRelease) =>
      stepContext({ fence: { epoch: 7, n }, ...(release ? { blob: release.blob } : {}) });

    test('an empty slot holds no release and serves nobody', async () => {
      const { target, slot, releases } = await world();
      const seen = await target.observe(slot);
      expect(seen).toMatchObject({ slot, phase: 'empty', components: [] });
      expect(serves(seen, releases[0].ref)).toBe(false);
      expect(await target.ailment(slot)).toContain(slot);
      expect(target.slots).toContain(slot);
    });

    test('a deployed release serves, with its own bytes; again, nothing is replaced', async () => {
      const { target, slot, releases } = await world();
      for (const n of [1, 2]) {
        const answer = await target.deploy(slot, releases[0].ref, releases[0].manifest, at(n, releases[0]));
        expect(answer).toMatchObject({ ok: true, value: { phase: 'running', intact: true, release: releases[0].ref } });
      }
      expect(serves(await target.observe(slot), releases[0].ref)).toBe(true);
      expect(serves(await target.observe(slot), releases[1].ref)).toBe(false);
      expect(await target.ailment(slot)).toBeUndefined();
    });

    test('another release takes its place', async () => {
      const { target, slot, releases } = await world();
      expect(await target.deploy(slot, releases[1].ref, releases[1].manifest, at(3, releases[1]))).toMatchObject({
        ok: true,
      });
      expect(await target.observe(slot)).toMatchObject({
        release: releases[1].ref,
        schemaRange: releases[1].manifest.schemaRange,
      });
    });

    test('a lower fence is refused, also by what would change nothing', async () => {
      const { target, slot, releases } = await world();
      for (const release of releases) {
        expect(await target.deploy(slot, release.ref, release.manifest, at(1, release))).toMatchObject({
          ok: false,
          code: 'fenced',
        });
      }
      expect(await target.retire(slot, at(1))).toMatchObject({ ok: false, code: 'fenced' });
      expect(serves(await target.observe(slot), releases[1].ref)).toBe(true);
    });

    test('a retired slot is empty; again, it still is', async () => {
      const { target, slot } = await world();
      for (const n of [4, 5])
        expect(await target.retire(slot, at(n))).toMatchObject({ ok: true, value: { phase: 'empty' } });
      expect((await target.observe(slot)).release).toBeUndefined();
      expect(await target.retire(slot, at(4))).toMatchObject({ ok: false, code: 'fenced' });
    });
  });
}
