import type { MigrationRef } from '@headgate/domain';
import type { Migrator } from '@headgate/execution';
import { describe, expect, test } from 'vitest';
import { digestFor, stepContext } from './step-context.ts';

/** A migrator with a fresh store, and statements that its store understands. */
export interface MigratorWorld {
  readonly migrator: Migrator;
  readonly store: string;
  readonly up: readonly [string, string];
  readonly down: string;
}

/** What every migrator does. `make` gives a world with an empty store; it is asked once. */
export function migratorSuite(name: string, make: () => Promise<MigratorWorld>): void {
  describe(`${name} is a migrator`, () => {
    const world = once(make);
    const migration = (from: number, sql: string): MigrationRef => ({
      id: `m${from + 1}`,
      from,
      to: from + 1,
      phase: 'expand',
      file: { name: `${from + 1}.sql`, digest: digestFor(sql), size: sql.length },
    });
    const at = (n: number, epoch = 7) => stepContext({ fence: { epoch, n } });

    test('a store begins at version 0 and goes up by one file at a time, each once', async () => {
      const { migrator, store, up } = await world();
      expect(await migrator.version(store)).toBe(0);
      expect(await migrator.up(store, migration(0, up[0]), up[0], at(1))).toEqual({ ok: true, value: { version: 1 } });
      expect(await migrator.up(store, migration(0, up[0]), up[0], at(1))).toEqual({ ok: true, value: { version: 1 } });
      expect(await migrator.version(store)).toBe(1);
    });

    test('another file for a version that is there, and a version that is skipped, are rejected', async () => {
      const { migrator, store, up } = await world();
      const other = `${up[0]} `;
      expect(await migrator.up(store, migration(0, other), other, at(2))).toMatchObject({
        ok: false,
        code: 'rejected',
      });
      expect(await migrator.up(store, migration(2, up[1]), up[1], at(2))).toMatchObject({
        ok: false,
        code: 'rejected',
      });
      expect(await migrator.version(store)).toBe(1);
    });

    test('a lower fence is refused and changes nothing', async () => {
      const { migrator, store, up } = await world();
      expect(await migrator.up(store, migration(1, up[1]), up[1], at(999, 6))).toMatchObject({
        ok: false,
        code: 'fenced',
      });
      expect(await migrator.version(store)).toBe(1);
    });

    test('down is up’s way back, once', async () => {
      const { migrator, store, up, down } = await world();
      await migrator.up(store, migration(1, up[1]), up[1], at(3));
      expect(await migrator.version(store)).toBe(2);
      const { file } = migration(1, up[1]);
      const back = { ...migration(1, down), up: file };
      expect(
        await migrator.down(store, { ...back, up: { ...file, digest: digestFor('another') } }, down, at(4)),
        'what another file made',
      ).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining('another file') });
      expect(await migrator.version(store)).toBe(2);
      expect(await migrator.down(store, back, down, at(4))).toEqual({ ok: true, value: { version: 1 } });
      expect(await migrator.down(store, back, down, at(4))).toEqual({ ok: true, value: { version: 1 } });
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
