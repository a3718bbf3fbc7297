import type { RestorePoints } from '@headgate/execution';
import { describe, expect, test } from 'vitest';
import { once } from './migrator-suite.ts';
import { stepContext } from './step-context.ts';

/** Restore points of a store that has none yet, a way to write to it and to see what was written, and to spoil one. */
export interface RestorePointsWorld {
  readonly restorePoints: RestorePoints;
  readonly store: string;
  write(mark: string): Promise<void>;
  marks(): Promise<readonly string[]>;
  /** Changes what is in it. */
  spoil(id: string): Promise<void>;
  /** Changes what it says about itself. */
  spoilManifest(id: string): Promise<void>;
}

/** What all restore points do. `make` is asked once. */
export function restorePointsSuite(name: string, make: () => Promise<RestorePointsWorld>): void {
  describe(`${name} keeps restore points`, () => {
    const world = once(make);
    const at = (n: number) => stepContext({ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 7, n } });
    let first = '';

    test('a step takes one, and the same one when it is tried again', async () => {
      const { restorePoints, store, write } = await world();
      await write('before');
      const taken = await restorePoints.take(store, at(1));
      expect(taken).toMatchObject({ ok: true, value: { store, verified: false } });
      expect(await restorePoints.take(store, at(1))).toMatchObject({
        ok: true,
        value: { id: taken.ok && taken.value.id },
      });
      first = taken.ok ? taken.value.id : '';
      expect(await restorePoints.list(store)).toMatchObject({
        kept: [{ rollout: 'r1', point: { id: first, manifest: taken.ok && taken.value.manifest } }],
        unreadable: [],
      });
    });

    test('it verifies by being read back', async () => {
      const { restorePoints, store } = await world();
      expect(await restorePoints.verify(store, first, at(1).signal)).toMatchObject({
        ok: true,
        value: { id: first, verified: true },
      });
    });

    test('a restore brings back what was, and is done once', async () => {
      const { restorePoints, store, write, marks } = await world();
      await write('after');
      expect(await restorePoints.restore(store, first, { kind: 'restore-point' }, at(2))).toMatchObject({ ok: true });
      expect(await marks()).toEqual(['before']);
      await write('later');
      expect(await restorePoints.restore(store, first, { kind: 'restore-point' }, at(2))).toMatchObject({ ok: true });
      expect(await marks()).toEqual(['before', 'later']);
    });

    test('the newest stands first, and a spoiled one does not verify', async () => {
      const { restorePoints, store, spoil } = await world();
      const second = await restorePoints.take(store, at(3));
      const id = second.ok ? second.value.id : '';
      expect((await restorePoints.list(store)).kept.map(({ point }) => point.id)).toEqual([id, first]);
      await spoil(id);
      expect(await restorePoints.verify(store, id, at(3).signal)).toMatchObject({ ok: false, code: 'check-failed' });
    });

    test('one that can not be told what it is of is listed as that, with what it was taken for', async () => {
      const { restorePoints, store, spoilManifest } = await world();
      const { kept } = await restorePoints.list(store);
      const id = kept[0]!.point.id;
      await spoilManifest(id);
      const { unreadable, ...others } = await restorePoints.list(store);
      expect(unreadable).toEqual([{ id, rollout: 'r1', why: expect.stringMatching(/./) }]);
      expect(others.kept).toEqual(kept.slice(1));
    });

    test('one that is not there does not verify', async () => {
      const { restorePoints, store } = await world();
      expect(await restorePoints.verify(store, 'rp-none', at(4).signal)).toMatchObject({
        ok: false,
        code: 'check-failed',
      });
    });
  });
}
