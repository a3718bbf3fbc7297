/**
 * Odoo's upgrade once more, under the conditions of a promotion. A tenant is held while it is upgraded, so nobody works with it
 * meanwhile: what has to hold is that nobody gets in, and that it comes to the same end, or back to where it was, from wherever
 * the upgrade was ended. The story in the order in which it happens:
 *
 *   users      the old version's Odoo serves the copy, and sessions carry out business transactions
 *   held       the tenant's database is shut, as a promotion shuts it; they go on trying
 *   undisturbed the upgrade with other ids: what comes out otherwise then may do so again
 *   back       the upgrade is ended in its midst while a report is open, and its restore point is brought back
 *   chain      the upgrade is interrupted at planned moments and called again, until it has ended
 *   compared   schema, rows and files with an undisturbed upgrade's
 */
import { join } from 'node:path';
import { compareFingerprints, type Difference, type Fingerprint } from '@headgate/domain/rehearsal/compare';
import { planInterruptions } from '@headgate/domain/rehearsal/interruptions';
import type { Pass } from '@headgate/domain/rehearsal/rehearsal';
import type { HeldFacts, LoadFailure, UnderLoadFacts } from '@headgate/domain/rehearsal/under-load';
import type { Answer } from '@headgate/execution';
import pg from 'pg';
import { withClient } from '../../../../postgres-cluster/database.ts';
import { endLeftovers } from '../../../program-run/leftovers.ts';
import { type ServingRelease, servingReleases } from '../../../rehearsal/business/serving-releases.ts';
import { Canaries } from '../../../rehearsal/canaries.ts';
import { type Bounds, rehearsalContext } from '../../../rehearsal/rehearsal-context.ts';
import type { MigrationFiles } from '../../../rehearsal/rehearse.ts';
import { heldTables } from '../../../rehearsal/run-pass.ts';
import { type ChainRan, endText, named, runChain, type StepCall } from '../../../rehearsal/under-load/chain.ts';
import { type CallEnd, called } from '../../../rehearsal/under-load/interrupt.ts';
import type { Load, UnderLoadRan } from '../../../rehearsal/under-load/run-under-load.ts';
import { Sessions } from '../../../rehearsal/under-load/sessions.ts';
import { WAITS } from '../../../rehearsal/under-load/under-load-of-cell.ts';
import { controlConnection } from '../../../store/store-session.ts';
import { assignmentLogins } from '../../database-door.ts';
import { OdooMigrator } from '../../odoo-migrator.ts';
import { recordsConnection } from '../../records.ts';
import { storeDir } from '../../store.ts';
import { storeVersion } from '../../version-records.ts';
import { SLOT, type TenantBusinessAsk, type UpOdoo, whileUp } from '../tenant-business.ts';
import type { TenantCopy } from '../tenant-copy.ts';
import { stateOf } from '../tenant-state.ts';
import { DoorWatch } from './door-watch.ts';
import { Commits, interruptUpgrade, type UpgradeToInterrupt } from './interrupt-upgrade.ts';
import { compareTenantEnds, shiftSequences } from './tenant-ends.ts';

export interface TenantLoadAsk {
  readonly load: Load;
  readonly copy: TenantCopy;
  readonly business: TenantBusinessAsk;
  readonly migrations: readonly MigrationFiles[];
  /** The first way forward. */
  readonly forward: Pass;
  /** The restore point as it came back first, and what the first way forward made of it. */
  readonly restored: Fingerprint;
  readonly after: Fingerprint;
  /** What differs between two undisturbed ways forward. */
  readonly again: readonly Difference[];
  /** Masks and neutralises what was restored. */
  makeReady(): Promise<void>;
  readonly mostTables: number;
  readonly bounds: Bounds;
}

/** Transactions of each session before the tenant is held, once all are warm. */
const QUIET_EACH = 2;

/** Runs it on a copy, which is used up. Throws when it is interrupted by a person, or when the server is broken. */
export async function tenantUnderLoad(ask: TenantLoadAsk): Promise<UnderLoadRan> {
  const { copy, business } = ask;
  const old = await oldOf(ask);
  if ('why' in old) return none(old.why);
  await anew(ask);
  const served = { which: 'old', release: old.release, folder: 'under-load' } as const;
  const ran = await whileUp(business, copy, served, async (up) => {
    const result = await usersFirst(ask, old, up);
    return { result, tell: result.facts === undefined };
  });
  return 'why' in ran ? none(ran.why) : ran.result;
}

function none(why: string): UnderLoadRan {
  return { missing: [`nothing was run under load: ${why}`] };
}

interface Old {
  readonly release: ServingRelease;
  readonly tenant: string;
}

/** The version that the tenant is served by now. */
async function oldOf({ business, copy, migrations }: TenantLoadAsk): Promise<Old | { readonly why: string }> {
  const { config, release } = business;
  const [tenant] = Object.keys(config.tenants).filter((each) => config.tenants[each]?.store === copy.tenant.name);
  if (tenant === undefined) return { why: `no tenant lives in the store ${copy.tenant.name}` };
  const from = migrations[0]?.migration.from ?? 0;
  const serving = await servingReleases(config, [tenant]);
  const fits = serving.find(
    ({ ref, manifest: { schemaRange } }) =>
      ref.digest !== release.ref.digest && from >= schemaRange.min && from <= schemaRange.max,
  );
  if (fits === undefined)
    return { why: `no other version than ${release.ref.version} that runs on schema ${from} serves ${tenant}` };
  return { release: fits, tenant };
}

/** The restore point again, ready to be worked on. */
async function anew({ copy, makeReady }: TenantLoadAsk): Promise<void> {
  const done = await copy.restore();
  if (!done.ok) throw new Error(`the restore point ${copy.origin.of} doesn't come back: ${done.why}`);
  await makeReady();
}

async function usersFirst(ask: TenantLoadAsk, { release, tenant }: Old, up: UpOdoo): Promise<UnderLoadRan> {
  const { load, copy, business } = ask;
  const { sessions, everyMs } = load;
  const { content } = business.verification;
  // Nobody else is served by this machine's copy: they needn't go easy on it.
  const unpaced = { ...content, spec: { ...content.spec, busyAtMostPercent: 100 } };
  const signal = ask.bounds.signal;
  const through: LoadFailure[] = [];
  let held = false;
  const carry = async (_: number, within: AbortSignal) => {
    const result = await up.checks
      .run(unpaced, tenant, SLOT, { signal: within })
      .catch((error: Error) => ({ ok: false as const, passed: 0, check: undefined, why: error.message }));
    if (held && (result.ok || result.passed > 0)) {
      through.push({ tenant, why: 'it was carried out', beside: users.beside });
      return { tenant, ok: true };
    }
    if (result.ok) return { tenant, ok: true };
    return { tenant, ok: false, why: result.why, ...(result.check === undefined ? {} : { check: result.check }) };
  };
  const users = new Sessions({ serving: { carry }, sessions, everyMs, signal });
  business.say(`Under load: users of ${release.ref.version} alone …`);
  try {
    users.start();
    await users.more(1);
    users.take();
    await users.more(QUIET_EACH);
    const { failures, ...quiet } = users.take();
    if (quiet.failed > 0)
      return none(
        `business transactions of ${release.ref.version} fail while nothing else happens: ${quiet.failed} of ${quiet.transactions}: ${failures[0]?.why}`,
      );
    await copy.door.close(copy.tenant);
    // What was under way is neither: a promotion lets it end before it shuts the door.
    await users.more(1);
    users.take();
    held = true;
    const watch = new DoorWatch(await recordsConnection(copy.stores), copy.tenant.database, up.user);
    const ran = await whileHeld(ask, users).finally(() => watch.stop());
    if ('why' in ran) return none(ran.why);
    const { looks, seen } = await watch.stop();
    await users.stop();
    const { failures: _, ...during } = users.take();
    const { digest, version } = release.ref;
    const { name, digest: of } = business.verification;
    const { seed, attempts } = load;
    return {
      facts: {
        ...{ seed, sessions, everyMs, attempts, old: { digest, version }, verification: { name, digest: of } },
        ...{ quiet, during, failures: through.slice(0, MOST_FAILURES), written: [], ...ran.facts },
        held: { looks, sessions: seen, ...ran.held },
      },
      missing: ran.missing,
    };
  } finally {
    await users.stop();
  }
}

/** Of those who got in, that are told. */
const MOST_FAILURES = 100;

interface RanHeld {
  readonly facts: Pick<
    UnderLoadFacts,
    'interruptions' | 'calls' | 'durationMs' | 'lockTimeouts' | 'stopped' | 'stalls' | 'deadlocks' | 'end'
  >;
  readonly held: Pick<HeldFacts, 'restored'>;
  readonly missing: readonly string[];
}

async function whileHeld(ask: TenantLoadAsk, users: Sessions): Promise<RanHeld | { readonly why: string }> {
  const { copy, business, after, again, migrations, load, bounds } = ask;
  const { say } = business;
  const upgrades = await upgradesOf(ask);
  say('Under load: the upgrade undisturbed, with other ids …');
  users.beside = 'beside the upgrade, undisturbed';
  await anew(ask);
  const control = await controlConnection(copy.store);
  await withClient(control, shiftSequences);
  const counts: number[] = [];
  for (const each of upgrades) {
    const commits = new Commits(each.who);
    const { value, n } = await commits.during(control, () => called(() => each.up()));
    if (!('ok' in value) || !value.ok) return { why: `undisturbed, the upgrade said: ${endText(value)}` };
    counts.push(n);
  }
  const made = [...again, ...compareFingerprints(after, await stateOf(copy, bounds.signal))];
  const kinds = upgrades.map(({ locked }, i) => ({
    ...{ how: 'program' as const, statements: 0, locked: [...locked.keys()], commits: counts[i]! },
  }));
  await anew(ask);
  const restored = await backFromMidst(ask, upgrades, kinds, users);
  await ask.makeReady();
  say(`Under load: ${load.sessions} sessions are turned away, and the upgrade is interrupted …`);
  const { chain, stalls, deadlocks } = await interrupted(ask, upgrades, kinds, users);
  const last = chain.stopped === undefined ? await stateOf(copy, bounds.signal) : undefined;
  const end = last && compareTenantEnds(after, last, made);
  const { left, ...rest } = chain;
  const moments = migrations.length === 1 ? '' : ' of all its upgrades';
  return {
    facts: {
      ...{ ...rest, stalls: stalls.stalls, deadlocks },
      ...(end === undefined ? {} : { end: { tables: end.tables, differences: end.differences } }),
    },
    held: restored === undefined ? {} : { restored },
    missing: [
      ...(end === undefined || end.following.length === 0
        ? []
        : [`under load: ${named(end.following)}: values weren’t compared that come out anew or follow ids`]),
      ...(stalls.unwatched.length === 0
        ? []
        : [`under load: ${named(stalls.unwatched)}: nobody else read or wrote it`]),
      ...(left > 0 ? [`under load: ${left} more moments${moments} at which it could be interrupted`] : []),
    ],
  };
}

type Kinds = Parameters<typeof runChain>[0]['kinds'];

/** Each of the release's upgrades, as a promotion's step calls it. */
async function upgradesOf({
  copy,
  business,
  migrations,
  forward,
  bounds,
}: TenantLoadAsk): Promise<UpgradeToInterrupt[]> {
  const { stores, tenant, door, store, beside } = copy;
  const { release } = business;
  const migrator = new OdooMigrator(stores, door);
  const shared = {
    who: { loginsFrom: assignmentLogins(tenant) },
    ...{ control: await controlConnection(store), records: await recordsConnection(stores), beside },
    kill: () => endLeftovers(join(storeDir(stores, tenant), 'upgrade')),
  };
  return migrations.map(({ migration, up: text }, i) => {
    const { id, from, to, phase, up: file } = migration;
    const locks = (forward.files[i]?.statements ?? []).flatMap((statement) => statement.locks);
    return {
      ...shared,
      locked: new Map(locks.filter(({ mode }) => WAITS.has(mode)).map(({ relation, mode }) => [relation, mode])),
      async up(over): Promise<Answer<unknown>> {
        bounds.signal.throwIfAborted();
        const signal = over === undefined ? bounds.signal : AbortSignal.any([bounds.signal, over]);
        const context = rehearsalContext(
          `under-load-${id}`,
          { ...bounds, signal },
          {
            release: release.ref.digest,
            manifest: async () => release.manifest,
            blob: (digest) => release.file(digest),
          },
        );
        return migrator.up(tenant.name, { id, from, to, phase, file }, text, context);
      },
    };
  });
}

/** Ends the upgrade in its midst, and brings the restore point back while a report is open. Leaves it as it came back. */
async function backFromMidst(
  ask: TenantLoadAsk,
  upgrades: readonly UpgradeToInterrupt[],
  kinds: Kinds,
  users: Sessions,
): Promise<HeldFacts['restored']> {
  const { copy, business, bounds, load, restored: before } = ask;
  const within = planInterruptions(kinds, { seed: load.seed, most: Number.POSITIVE_INFINITY }).filter(
    ({ moment }) => moment === 'within',
  );
  const planned = within[Math.floor(within.length / 2)];
  business.say('Under load: the upgrade is ended in its midst, and the restore point brought back …');
  users.beside = 'beside the upgrade, before it was restored';
  let at: string | undefined;
  if (planned !== undefined) {
    for (const each of upgrades.slice(0, planned.file)) await called(() => each.up());
    const call = await interruptUpgrade(planned, upgrades[planned.file]!);
    if (call.done) at = call.at;
  }
  users.beside = 'beside the restore';
  const report = new pg.Client({ ...copy.beside, application_name: 'a report' });
  report.on('error', () => {}); // it is ended, as it should be
  await report.connect();
  try {
    await report.query('begin; select count(*) from res_users');
    const done = await copy.restore();
    if (!done.ok) throw new Error(`the restore point ${copy.origin.of} doesn't come back: ${done.why}`);
    const differences = compareFingerprints(before, await stateOf(copy, bounds.signal));
    return at === undefined ? undefined : { at, tookMs: done.tookMs, differences };
  } finally {
    await report.end().catch(() => {});
  }
}

async function interrupted(
  { copy, migrations, load, bounds, forward, mostTables }: TenantLoadAsk,
  upgrades: readonly UpgradeToInterrupt[],
  kinds: Kinds,
  users: Sessions,
): Promise<{
  readonly chain: ChainRan;
  readonly stalls: Awaited<ReturnType<Canaries['stop']>>;
  readonly deadlocks: number;
}> {
  const { stores, tenant } = copy;
  const canaries = new Canaries({ connection: copy.beside, settings: [], mostTables });
  try {
    await Promise.all(heldTables(forward).map((table) => canaries.watch(table).catch(() => {})));
    const chain = await runChain({
      ...{ seed: load.seed, attempts: load.attempts, signal: bounds.signal, kinds },
      files: migrations.map(({ migration: { up, from, to } }) => ({ name: up.name, from, to })),
      beside: (what) => {
        users.beside = what;
      },
      async recorded() {
        const seen = await storeVersion(stores, tenant);
        return seen.kind === 'at' ? seen.version : seen.kind === 'half-way' ? seen.from : seen.reached;
      },
      async call(planned): Promise<StepCall> {
        let end: CallEnd = { ok: true, value: undefined };
        for (const [i, each] of upgrades.entries()) {
          if (planned?.file === i) return interruptUpgrade(planned, each);
          end = await called(() => each.up());
          if (!('ok' in end) || !end.ok) return { end };
        }
        return { end };
      },
    });
    const stalls = await canaries.stop();
    const deadlocks = await withClient(await controlConnection(copy.store), async (client) => {
      const { rows } = await client.query<{ n: number }>(
        'select deadlocks::float8 as n from pg_catalog.pg_stat_database where datname = pg_catalog.current_database()',
      );
      return rows[0]?.n ?? 0;
    });
    return { chain, stalls, deadlocks };
  } finally {
    await canaries.stop();
  }
}
