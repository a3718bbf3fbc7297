import { join } from 'node:path';
import type { CopySeen, MigrationRef, StoreState } from '@headgate/domain';
import { type Answer, denied, granted, type Migrator, type StepContext } from '@headgate/execution';
import type pg from 'pg';
import { seenMark } from '../masking/seen-mark.ts';
import { runBounded } from '../program-run/bounded-run.ts';
import { endLeftovers } from '../program-run/leftovers.ts';
import { plainText } from '../store/plain-text.ts';
import { odooEnvironment, upgradeCommand } from './command.ts';
import { incompatibilities } from './compatibility.ts';
import type { DatabaseDoor } from './database-door.ts';
import { upgradeFailure } from './failure-words.ts';
import { installedModules, type ModuleVersions, moduleDrift } from './installed-modules.ts';
import { layOutAddons } from './lay-out-addons.ts';
import { watchingLocks } from './lock-holders.ts';
import { readAddons } from './module-manifest.ts';
import { holdStore } from './records.ts';
import { findStore, type OdooStore, type OdooStores, storeDir } from './store.ts';
import { readUpgrade, type UpgradeDocument } from './upgrade-document.ts';
import { declareVersion, recordUpgraded, storeVersion, upgradedBy, upgradeUnderWay } from './version-records.ts';

type Outcome = Answer<{ readonly version: number }>;

/** Kept back of a step's time, for reading the versions afterwards. Milliseconds. */
const READ_BACK_MS = 3_000;

/**
 * Upgrades the modules of one tenant's database by Odoo's own upgrade. What was done is read from the database's
 * `ir_module_module`; neither an exit code nor a health check is believed. The tenant must be held: nothing but the
 * upgrade reaches its database until somebody opens it again.
 */
export class OdooMigrator implements Migrator {
  readonly stores: readonly string[];
  private readonly of: OdooStores;
  private readonly door: DatabaseDoor;

  constructor(stores: OdooStores, door: DatabaseDoor) {
    this.of = stores;
    this.door = door;
    this.stores = [...stores.byName.keys()];
  }

  /** Throws, in words, when the modules are at versions that no release has: somebody upgraded by hand. */
  async version(store: string): Promise<number> {
    const seen = await storeVersion(this.of, findStore(this.of, store));
    if (seen.kind === 'drifted') throw new Error(`The store ${store} has drifted: ${seen.why.join('; ')}`);
    return seen.kind === 'at' ? seen.version : seen.from;
  }

  /**
   * Also of a tenant that somebody upgraded by hand, or whose database can't be read as one of Odoo's. While an upgrade is
   * under way, what is in the database is nobody's version: that is told as a drift.
   */
  async look(name: string): Promise<StoreState> {
    const store = findStore(this.of, name);
    // An upgrade may be at work, and hold the very table that would be read.
    let copy: CopySeen | undefined;
    const asCopy = async (client: pg.ClientBase) => {
      copy = await seenMark(client);
    };
    const seen = (await upgradeUnderWay(this.of, store)) ?? (await storeVersion(this.of, store, asCopy));
    const marked = copy === undefined ? {} : { copy };
    if (seen.kind === 'at') return { schemaVersion: seen.version, ...marked };
    if (seen.kind === 'drifted') return { schemaVersion: seen.reached, drift: seen.why, ...marked };
    const { from, to } = seen;
    return {
      schemaVersion: from,
      drift: [`an upgrade from version ${from} to ${to} is under way, or was begun and didn't end`],
    };
  }

  async up(name: string, migration: MigrationRef, text: string, ctx: StepContext): Promise<Outcome> {
    const store = findStore(this.of, name);
    const upgrade = readUpgrade(text);
    if (!upgrade.ok) return upgrade;
    return this.held(name, ctx, (control) => this.upgrade(control, store, migration, upgrade.value, ctx));
  }

  /** Odoo has no way back: a tenant goes back by its restore point. */
  async down(name: string, migration: MigrationRef, _text: string, ctx: StepContext): Promise<Outcome> {
    return this.held(name, ctx, async () => {
      if ((await this.version(name)) <= migration.from) return granted({ version: migration.from });
      return denied('rejected', `Odoo can't take ${migration.id} back; the store ${name} is restored instead`);
    });
  }

  private async held(name: string, ctx: StepContext, work: (control: pg.Client) => Promise<Outcome>): Promise<Outcome> {
    const done = await holdStore(this.of, findStore(this.of, name), ctx, work);
    if (done === 'busy') return denied('transient', `somebody else is at work on the store ${name}`);
    if (done === 'fenced') return denied('fenced', `the store ${name} has seen a later decision than this one`);
    return done;
  }

  private async upgrade(
    control: pg.Client,
    store: OdooStore,
    migration: MigrationRef,
    upgrade: UpgradeDocument,
    ctx: StepContext,
  ): Promise<Outcome> {
    const seen = await storeVersion(this.of, store);
    if (seen.kind === 'at' && seen.version === migration.to) {
      const by = await upgradedBy(control, store, migration.to);
      if (by === undefined || by === migration.file.digest) return granted({ version: seen.version });
      return denied(
        'rejected',
        `the store ${store.name} came to version ${migration.to} by another file than this one`,
      );
    }
    if (seen.kind === 'drifted') return denied('rejected', seen.why.join('; '));
    const version = seen.kind === 'at' ? seen.version : seen.from;
    if (version !== migration.from) {
      const why = `the store ${store.name} is at version ${version}; ${migration.id} goes from ${migration.from} to ${migration.to}`;
      return denied('rejected', why);
    }
    const target: ModuleVersions = Object.fromEntries(upgrade.modules.map(({ name, to }) => [name, to]));
    const addons = await layOutAddons(upgrade, join(this.of.dir, 'upgrades'), ctx);
    const wrong = await this.incompatible(store, upgrade, addons, ctx);
    if (wrong.length > 0) return denied('rejected', plainText(`nothing was touched: ${wrong.join('; ')}`, 1_000));
    const other = await declareVersion(control, migration.to, target, migration.file.digest);
    if (other) return denied('rejected', other);
    await control.query(
      `insert into headgate.pending(store, key, version_from, version_to) values ($1, $2, $3, $4)
       on conflict (store) do update set key = excluded.key, started_at = clock_timestamp()`,
      [store.name, ctx.idempotencyKey, migration.from, migration.to],
    );
    ctx.log(`store ${store.name}: Odoo upgrades ${upgrade.modules.map(({ name }) => name).join(', ')}`);
    const began = performance.now();
    const failure = await this.run(store, target, addons, ctx);
    const tookMs = performance.now() - began;
    if (failure) return denied(failure.code, failure.why);
    await recordUpgraded(control, store, migration.to, migration.file.digest);
    if (seen.kind === 'at') ctx.took?.(migration.id, tookMs);
    return granted({ version: migration.to });
  }

  private async incompatible(
    store: OdooStore,
    upgrade: UpgradeDocument,
    addons: string,
    ctx: StepContext,
  ): Promise<readonly string[]> {
    const workDir = join(storeDir(this.of, store), 'manifests');
    const read = await readAddons(this.of.odoo, [addons], workDir, ctx.signal);
    return incompatibilities(upgrade, read, await installedModules(this.of, store.database));
  }

  /** Runs Odoo's upgrade under a login of its own. Returns why it failed, or nothing when the versions read back are right. */
  private async run(
    store: OdooStore,
    target: ModuleVersions,
    addons: string,
    ctx: StepContext,
  ): Promise<ReturnType<typeof upgradeFailure> | undefined> {
    const { odoo } = this.of;
    const workDir = join(storeDir(this.of, store), 'upgrade');
    await endLeftovers(workDir);
    const login = await this.door.forAssignment(store);
    try {
      const { value: run, holders } = await watchingLocks(this.of, login.user, () =>
        runBounded({
          command: upgradeCommand(odoo, [addons], store.database, Object.keys(target)),
          environment: odooEnvironment(odoo, login),
          workDir,
          user: odoo.user,
          deadlineMs: ctx.remainingMs() - READ_BACK_MS,
          signal: ctx.signal,
          secrets: [login.password],
        }),
      );
      await this.door.endAssignments(store);
      const drift = moduleDrift(await installedModules(this.of, store.database), target);
      if (run.exitCode === 0 && drift.length === 0) return undefined;
      return upgradeFailure({ run, holders, drift });
    } finally {
      // Whatever happened: no forgotten process of this attempt acts on.
      await this.door.endAssignments(store);
    }
  }
}
