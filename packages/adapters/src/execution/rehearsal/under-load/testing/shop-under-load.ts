/** For tests only: the shop's migrations under load on a copy, without what a rehearsal does before. */
import { join } from 'node:path';
import type { UnderLoadFacts } from '@headgate/domain/rehearsal/under-load';
import { saysNoTransaction } from '@headgate/migrations/parse/directives';
import { loadParser } from '@headgate/migrations/parse/parser';
import { statementsOf } from '@headgate/migrations/parse/statements';
import type { CellConfig } from '../../../cell-config.ts';
import { controlConnection } from '../../../store/store-session.ts';
import { billing, shopRelease } from '../../business/testing/shop-cell.ts';
import { copyFromDump } from '../../copy-from-dump.ts';
import type { CopyServer } from '../../copy-server.ts';
import { fingerprintOf } from '../../fingerprint.ts';
import type { ProgramToRun } from '../../program-on-copy.ts';
import type { MigrationFiles } from '../../rehearse.ts';
import type { ShopStore } from '../../testing/shop.ts';
import { type CellGround, cellTrial, cloneOf } from '../cell-trial.ts';
import type { Trial } from '../ground.ts';
import { runUnderLoad, type UnderLoadRan } from '../run-under-load.ts';

export interface ShopLoad {
  readonly shop: ShopStore;
  readonly onto: CopyServer;
  readonly root: string;
  readonly config: CellConfig;
  readonly migrations: readonly MigrationFiles[];
  /** Modes by relation, the same for each file. */
  readonly locked: Readonly<Record<string, string>>;
  readonly program?: ProgramToRun;
  /** Puts something in the way of the second trial. */
  readonly spoiled?: (trial: Trial) => Trial;
}

export const OLD = shopRelease('1.0.0', 'note', { schemaRange: { min: 0, max: 9 } });
export const NEW = shopRelease('1.1.0', 'note', { schemaRange: { min: 0, max: 9 } });
export const LOAD = { sessions: 3, everyMs: 20, attempts: 3, seed: 7 };
export const BOUNDS = { deadlineMs: 600_000, signal: new AbortController().signal };

export async function shopUnderLoad(ask: ShopLoad): Promise<UnderLoadRan & { readonly facts: UnderLoadFacts }> {
  const { shop, onto, root, config, migrations, locked, program, spoiled } = ask;
  await loadParser();
  const copy = await copyFromDump({ source: shop.source, onto, workDir: join(shop.real.dir, 'work'), ...BOUNDS });
  const { signal } = BOUNDS;
  const asked = { config, store: 'main', verification: billing(), release: NEW, workDir: root, signal };
  const business = { ...asked, say: () => {}, detail: () => {} };
  const ground: CellGround = {
    ...{ business, migrations, program, tenants: ['acme', 'umbra'], old: { ...OLD, slot: 'blue' } },
  };
  const clones: Trial[] = [];
  try {
    for (let i = 0; i < 2; i++) clones.push(cellTrial(ground, await cloneOf(copy.store)));
    const [aside, trial] = clones as [Trial, Trial];
    await aside.migrating(async (runner) => {
      for (const i of migrations.keys()) await runner.up(i);
    });
    const ran = await runUnderLoad({
      ...{ ...LOAD, verification: billing(), tables: ['public.invoice'], mostTables: 4, signal, say: () => {} },
      trial: spoiled === undefined ? trial : { ...trial, again: async () => spoiled(await trial.again()) },
      before: await fingerprintOf(await controlConnection(copy.store), 2),
      after: await fingerprintOf(await controlConnection(aside.store), 2),
      files: migrations.map(({ migration, up: text }) => ({
        ...{ name: migration.up.name, text, from: migration.from, to: migration.to, durationMs: 100 },
        how: program !== undefined ? 'program' : saysNoTransaction(text) ? 'alone' : 'transaction',
        statements: program === undefined ? statementsOf(text).length : 0,
        locked: new Map(Object.entries(locked)),
      })),
    });
    if (ran.facts === undefined) throw new Error(ran.missing.join('\n'));
    return { ...ran, facts: ran.facts };
  } finally {
    for (const clone of clones) await clone.remove();
    await copy.remove();
  }
}
