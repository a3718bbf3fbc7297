import type { MigrationRef } from '@headgate/domain';
import type { Migrator, StepContext } from '@headgate/execution';
import { describe, expect, test } from 'vitest';
import { digestFor, stepContext } from './step-context.ts';

/** A migrator with a fresh store, and statements that its store understands. */
export interface MigratorWorld {
  readonly migrator: Migrator;
  readonly store: string;
  readonly up: readonly [string, string];
  /** Takes the second back; `undefined`: there is no way back but a restore. */
  readonly down: string | undefined;
  /** The version that the store begins at; 0 unless said. */
  readonly begins?: number;
  /** What its steps know besides: the bytes that the files name, more time. */
  readonly context?: Partial<StepContext>;
}

/** What every migrator does. `make` gives a world with an empty store; it is asked once. */
export function migratorSuite(name: string, make: () => Promise<MigratorWorld>): void {
  describe(`${name} is a migrator`, () => {
    const world = once(make);
    /** What is needed in each test; migrations count from where the store begins. */
    const asked = async () => {
      const { begins = 0, context = {}, ...rest } = await world();
      const migration = (n: number, sql: string): MigrationRef => ({
        id: `m${begins + n + 1}`,
        from: begins + n,
        to: begins + n + 1,
        phase: 'expand',
        file: { name: `${begins + n + 1}.sql`, digest: digestFor(sql), size: sql.length },
      });
      const at = (n: number, epoch = 7) => stepContext({ ...context, fence: { epoch, n } });
      return { ...rest, begins, migration, at };
    };

    test('a store goes up by one file at a time, each once, and what it took is told once', async () => {
      const { migrator, store, up, begins, migration, at } = await asked();
      const took: [string, number][] = [];
      const hearing = { ...at(1), took: (id: string, ms: number) => void took.push([id, ms]) };
      expect(await migrator.version(store)).toBe(begins);
      const there = { ok: true, value: { version: begins + 1 } };
      expect(await migrator.up(store, migration(0, up[0]), up[0], hearing)).toEqual(there);
      expect(took).toEqual([[migration(0, up[0]).id, expect.any(Number)]]);
      expect(took[0]?.[1]).toBeGreaterThan(0);
      expect(await migrator.up(store, migration(0, up[0]), up[0], hearing)).toEqual(there);
      expect(took, 'of one that was there nothing').toHaveLength(1);
      expect(await migrator.version(store)).toBe(begins + 1);
    });

    test('another file for a version that is there, and a version that is skipped, are rejected', async () => {
      const { migrator, store, up, begins, migration, at } = await asked();
      const other = `${up[0]} `;
      expect(await migrator.up(store, migration(0, other), other, at(2))).toMatchObject({
        ok: false,
        code: 'rejected',
      });
      expect(await migrator.up(store, migration(2, up[1]), up[1], at(2))).toMatchObject({
        ok: false,
        code: 'rejected',
      });
      expect(await migrator.version(store)).toBe(begins + 1);
    });

    test('a lower fence is refused and changes nothing', async () => {
      const { migrator, store, up, begins, migration, at } = await asked();
      expect(await migrator.up(store, migration(1, up[1]), up[1], at(999, 6))).toMatchObject({
        ok: false,
        code: 'fenced',
      });
      expect(await migrator.version(store)).toBe(begins + 1);
    });

    test('down is up’s way back, once; where there is none, the store stays and says so', async () => {
      const { migrator, store, up, down, begins, migration, at } = await asked();
      await migrator.up(store, migration(1, up[1]), up[1], at(3));
      expect(await migrator.version(store)).toBe(begins + 2);
      const { file } = migration(1, up[1]);
      if (down === undefined) {
        const back = { ...migration(1, up[1]), up: file };
        expect(await migrator.down(store, back, '', at(4))).toMatchObject({ ok: false, code: 'rejected' });
        expect(await migrator.version(store)).toBe(begins + 2);
        expect(await migrator.down(store, back, '', at(1))).toMatchObject({ ok: false, code: 'fenced' });
        return;
      }
      const back = { ...migration(1, down), up: file };
      const gone = { ok: true, value: { version: begins + 1 } };
      expect(
        await migrator.down(store, { ...back, up: { ...file, digest: digestFor('another') } }, down, at(4)),
        'what another file made',
      ).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining('another file') });
      expect(await migrator.version(store)).toBe(begins + 2);
      expect(await migrator.down(store, back, down, at(4))).toEqual(gone);
      expect(await migrator.down(store, back, down, at(4))).toEqual(gone);
      expect(await migrator.down(store, back, down, at(1))).toMatchObject({ ok: false, code: 'fenced' });
    });
  });
}

/** Makes a thing at its first use. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
