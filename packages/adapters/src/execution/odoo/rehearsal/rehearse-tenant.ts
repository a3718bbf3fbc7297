/**
 * The rehearsal of Odoo's upgrade of one tenant: the story in the order in which it happens. Odoo has no way back, so the way back
 * that is rehearsed is the one that a promotion would take: the restore point again, files and all.
 */
import { join } from 'node:path';
import type { Digest } from '@headgate/domain';
import { compareFingerprints, type Fingerprint } from '@headgate/domain/rehearsal/compare';
import { planChanges } from '@headgate/domain/rehearsal/plan-change';
import type { Comparison, Pass, RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import type { BusinessRan } from '../../rehearsal/business/run-business.ts';
import { type ReleaseWithFiles, type ServingCell, servingReleases } from '../../rehearsal/business/serving-releases.ts';
import { plansOf } from '../../rehearsal/plans.ts';
import { type Bounds, rehearsalContext } from '../../rehearsal/rehearsal-context.ts';
import { largestTables, type RehearsalAsk, rehearsedOf, rowsOf, WORDS } from '../../rehearsal/rehearse.ts';
import { heldTables, type PassFile, type PassSetting, runPass } from '../../rehearsal/run-pass.ts';
import type { Load, UnderLoadRan } from '../../rehearsal/under-load/run-under-load.ts';
import { controlConnection } from '../../store/store-session.ts';
import { assignmentLogins } from '../database-door.ts';
import { type InstalledModule, installedModules } from '../installed-modules.ts';
import { layOutAddons } from '../lay-out-addons.ts';
import { addonsOf } from '../odoo-cell.ts';
import type { OdooCellConfig } from '../odoo-cell-config.ts';
import { OdooMigrator } from '../odoo-migrator.ts';
import { readUpgrade } from '../upgrade-document.ts';
import { neutralise } from './neutralise.ts';
import { runTenantBusiness, SLOT, type TenantBusinessAsk } from './tenant-business.ts';
import type { TenantCopy } from './tenant-copy.ts';
import { stateOf } from './tenant-state.ts';
import { type TenantLoadAsk, tenantUnderLoad } from './under-load/tenant-under-load.ts';

export interface TenantRehearsalAsk
  extends Pick<RehearsalAsk, 'from' | 'migrations' | 'mostTables' | 'statements' | 'now' | 'say'> {
  readonly copy: TenantCopy;
  readonly release: ReleaseWithFiles;
  /** The cell, which says what serves the tenant now. */
  readonly cell: ServingCell & Pick<OdooCellConfig, 'tenants'>;
  /** Masks what was restored, and answers by which rules; absent: it stays as it is. Throws when originals are left. */
  readonly mask?: (() => Promise<Digest>) | undefined;
  readonly business: TenantBusinessAsk | { readonly notRun: string };
  /** How users knock while the upgrade runs once more, interrupted; absent: they don't. */
  readonly underLoad?: Load | undefined;
  /** Of each upgrade and restore. */
  readonly bounds: Bounds;
}

type Modules = ReadonlyMap<string, InstalledModule>;

/**
 * Upgrades the copy, brings its restore point back, upgrades it again, and compares. An upgrade that fails ends it, and the facts
 * say so. Throws when the copy can't be made harmless, and when the server is broken.
 */
export async function rehearseTenant(ask: TenantRehearsalAsk): Promise<RehearsalFacts> {
  const { copy, migrations, statements, bounds, say } = ask;
  const { stores, tenant } = copy;
  const { signal } = bounds;
  // What a login may is part of the schema's objects: it is there from the beginning, and not once somebody serves.
  await copy.door.prepare([SLOT]);
  say('Checksums of all rows and files, as they were restored …');
  const restored = await stateOf(copy, signal);
  const addons = await servingAddons(ask);
  const passes: Pass[] = [];
  const comparisons: Comparison[] = [];
  let modules: Modules = new Map();
  let maskedBy: Digest | undefined;
  const makeReady = async (): Promise<void> => {
    maskedBy = await ask.mask?.();
    say('The copy is neutralised …');
    await neutralise(copy, addons.found, bounds);
    modules = await installedModules(stores, tenant.database);
  };
  await makeReady();
  const size = await onCopy(copy, async (client) => {
    await client.query('analyze');
    const { rows } = await client.query<{ bytes: number }>(
      'select pg_database_size(current_database())::float8 as bytes',
    );
    return rows[0]?.bytes ?? 0;
  });
  const plan = () => withClient(copy.beside, (client) => plansOf(client, statements.texts));
  const plansBefore = await plan();
  const setting: PassSetting = {
    login: copy.beside,
    settings: [],
    control: await controlConnection(copy.store),
    how: 'headgate',
    lockWaitMs: 0,
    mostTables: ask.mostTables,
    program: {
      migrator: new OdooMigrator(stores, copy.door),
      store: tenant.name,
      watched: { loginsFrom: assignmentLogins(tenant) },
      release: ask.release,
      bounds,
      async told() {
        const before = modules;
        modules = await installedModules(stores, tenant.database);
        return `Odoo’s upgrade: ${versionsText(before, modules)}`;
      },
    },
  };
  const up = migrations.map(({ migration, up: text }): PassFile => ({ migration, file: migration.up.name, text }));
  const forward = async (direction: Pass['direction'], tables: readonly string[]): Promise<boolean> => {
    say(`${WORDS[direction]} …`);
    const pass = await runPass(direction, up, tables, setting);
    passes.push(pass);
    return pass.files.every(({ failed }) => failed === undefined);
  };
  let changes: RehearsalFacts['plans']['changes'] = [];
  const largest = await onCopy(copy, (client) => largestTables(client, ask.mostTables));
  let there = false;
  let after: Fingerprint | undefined;
  if (await forward('forward', largest)) {
    const rows = await onCopy(copy, async (client) => {
      await client.query('analyze');
      return rowsOf(client);
    });
    const plansAfter = await plan();
    const planned = statements.texts.map((text, i) => ({ text, before: plansBefore[i]!, after: plansAfter[i]! }));
    changes = planChanges(planned, rows);
    after = await stateOf(copy, signal);
    if (await back(ask, passes)) {
      comparisons.push(await compared('back', restored, ask));
      await makeReady();
      there = await forward('forward-again', [...new Set(passes.flatMap(heldTables))]);
      if (there) comparisons.push(await compared('again', after, ask));
    }
  }
  // Last: what they write is in nobody's comparison.
  const business = await businessOf(ask, there);
  const loaded = await underLoadOf(ask, { passes, comparisons, restored, after: there ? after : undefined, makeReady });
  const first = migrations[0]?.migration.from ?? copy.schemaVersion ?? 0;
  return {
    at: ask.now(),
    from: ask.from,
    copy: {
      ...copy.origin,
      server: await copy.store.cluster.major(),
      bytes: size,
      rows: restored.tables.reduce((sum, { rows }) => sum + rows, 0),
      readyMs: copy.readyMs,
      ...(maskedBy === undefined ? {} : { maskedBy }),
    },
    runner: 'headgate',
    schema: { from: first, to: migrations.at(-1)?.migration.to ?? first },
    migrations: migrations.map(rehearsedOf),
    passes,
    comparisons,
    plans: { compared: plansBefore.filter(({ ok }) => ok).length, source: statements.source, changes },
    ...(business.facts === undefined ? {} : { business: business.facts }),
    ...(loaded.facts === undefined ? {} : { underLoad: loaded.facts }),
    missing: [
      ...addons.missing,
      ...(statements.source === 'none' ? ['no plans were compared: no statements of the application are known'] : []),
      ...(maskedBy === undefined ? ['the copy wasn’t masked'] : []),
      ...business.missing,
      ...loaded.missing,
    ],
  };
}

/** Once all else has been compared: it uses the copy up. */
async function underLoadOf(
  ask: TenantRehearsalAsk,
  ran: Pick<TenantLoadAsk, 'restored' | 'makeReady'> & {
    readonly passes: readonly Pass[];
    readonly comparisons: readonly Comparison[];
    readonly after: Fingerprint | undefined;
  },
): Promise<UnderLoadRan> {
  const { underLoad: load, business, migrations } = ask;
  const none = (why: string): UnderLoadRan => ({ missing: [`nothing was run under load: ${why}`] });
  if (load === undefined || migrations.length === 0) return { missing: [] };
  if ('notRun' in business) return none(business.notRun);
  const { passes, comparisons, after, ...rest } = ran;
  const [forward] = passes;
  if (forward === undefined || after === undefined) return none('the upgrade failed undisturbed');
  const again = comparisons.find(({ what }) => what === 'again')?.differences ?? [];
  const { copy, mostTables, bounds } = ask;
  return tenantUnderLoad({ ...rest, load, business, copy, migrations, mostTables, bounds, forward, after, again });
}

/** The way back of a promotion: the restore point, by what restores it there. */
async function back({ copy, migrations, say }: TenantRehearsalAsk, passes: Pass[]): Promise<boolean> {
  say(`${WORDS.back}: the restore point again …`);
  const done = await copy.restore();
  const tookMs = done.ok ? done.tookMs : 0;
  const file = {
    file: `restore point ${copy.origin.of}`,
    migration: migrations.at(-1)?.migration.id ?? '',
    by: 'program' as const,
    durationMs: tookMs,
    commitMs: 0,
    statements: [],
    ...(done.ok ? {} : { failed: { n: 0, line: 0, code: '', why: `it doesn’t come back: ${done.why}` } }),
  };
  passes.push({ direction: 'back', durationMs: tookMs, files: [file], stalls: [], unwatched: [] });
  return done.ok;
}

async function compared(
  what: Comparison['what'],
  before: Fingerprint,
  { copy, bounds }: TenantRehearsalAsk,
): Promise<Comparison> {
  return { what, differences: compareFingerprints(before, await stateOf(copy, bounds.signal)) };
}

/** On the copy as the last way forward left it, made harmless once more: what new modules would send, they say themselves. */
async function businessOf(ask: TenantRehearsalAsk, there: boolean): Promise<BusinessRan> {
  const { business, copy, migrations, release, bounds } = ask;
  const none = (why: string): BusinessRan => ({ missing: [`no business transactions were run: ${why}`] });
  if ('notRun' in business) return none(business.notRun);
  const last = migrations.at(-1);
  const upgrade = last === undefined ? undefined : readUpgrade(last.up);
  if (!there || last === undefined || upgrade?.ok !== true) return none('the copy didn’t come to the new schema');
  const context = rehearsalContext('lay-out', bounds, { blob: (digest) => release.file(digest) });
  await neutralise(copy, [await layOutAddons(upgrade.value, join(copy.stores.dir, 'upgrades'), context)], bounds);
  return runTenantBusiness(business, copy, last.migration.to);
}

/** Modules that serve the tenant now: they know how a copy of theirs is made harmless. */
async function servingAddons({ cell, copy, from }: TenantRehearsalAsk): Promise<{
  readonly found: readonly string[];
  readonly missing: readonly string[];
}> {
  const tenants = Object.keys(cell.tenants).filter((each) => cell.tenants[each]?.store === copy.tenant.name);
  const serving = await servingReleases(cell, tenants).catch(() => []);
  for (const { slot } of serving) {
    const found = await addonsOf(cell, slot);
    if (found !== undefined) return { found, missing: [] };
  }
  return {
    found: [],
    missing: [
      `the modules that serve ${from.store} weren’t found: before the upgrade the copy was neutralised by what Odoo’s own modules say alone`,
    ],
  };
}

/** `headgate_ps 19.0.1.0.1 to 19.0.2.0.0`, as the database says it. */
function versionsText(before: Modules, after: Modules): string {
  const changed = [...after.values()].flatMap(({ name, version, state }) => {
    const was = before.get(name)?.version ?? 'not installed';
    const left = state === 'installed' ? '' : ` (still marked "${state}")`;
    return was === version && left === '' ? [] : [`${name} ${was === version ? '' : `${was} to `}${version}${left}`];
  });
  return changed.length === 0 ? 'no module’s version changed' : changed.join(', ');
}

async function onCopy<T>({ store }: TenantCopy, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(await controlConnection(store), work);
}
