/**
 * A cell that is lost comes back in another place: which steps that takes, in which order, as data. What stands beside the stores
 * and the stores that no tenant lives in come first, then tenants' stores, each after what it depends on; then the releases that
 * ran last, then the tenants' way to them. What isn't known is named, and nothing is begun then.
 */
import type { Digest, Instant } from '../model/identity.ts';
import type { Refusal } from '../model/refusal.ts';
import { dependencyOrder, disorderWords } from './dependency-order.ts';

/** A store's newest copy on its way, as its vault has it. */
export interface RebuildPoint {
  readonly id: string;
  readonly takenAt: Instant;
  /** Digest of its own manifest. */
  readonly manifest: Digest;
  readonly schemaVersion: number;
  /** PostgreSQL's major version. */
  readonly major: number;
  readonly bytes: number;
  /** Its rows were counted, and can be compared. */
  readonly promisesRows: boolean;
  /** Up to which moment the store's log goes on from it there; absent: its own moment is all, or nobody here knows (`lastWal`). */
  readonly reachedAt?: Instant;
  /** The last segment of its log, of a restore point in a repository of its own. */
  readonly lastWal?: string;
  /** What proves it back beside its rows and its indexes, each in words, where that is more than the schema’s version. */
  readonly proofs?: readonly string[];
}

export interface RebuildStore {
  readonly name: string;
  readonly dependsOn: readonly string[];
  /** Absent: `why` says what stands against it. */
  readonly point?: RebuildPoint;
  readonly why?: string;
  readonly unblock?: string;
  /** It stands on somebody else's server: what has to be given before it can come back, each in words. */
  readonly given?: readonly string[];
}

/** A repository or a state that was backed up beside the stores. */
export interface RebuildBackup {
  readonly name: string;
  readonly id?: string;
  readonly takenAt?: Instant;
  readonly why?: string;
}

/** A release that served in a slot, and whom. */
export interface RebuildServing {
  readonly slot: string;
  readonly release: { readonly digest: Digest; readonly version: string };
  readonly schemaRange: { readonly min: number; readonly max: number };
  readonly tenants: readonly string[];
}

export interface RebuildFacts {
  readonly environment: string;
  readonly cell: string;
  readonly application: string;
  readonly now: Instant;
  readonly backups: readonly RebuildBackup[];
  readonly stores: readonly RebuildStore[];
  /** All stores stand on one server, which is made before them; absent: each has its own. */
  readonly server?: {
    /** What proves it right, and what else proves a release right in its slot there, in words. */
    readonly proof: string;
    readonly release: string;
  };
  /** The store of each tenant. */
  readonly tenants: Readonly<Record<string, string>>;
  /** What ran last; who says so. */
  readonly serving:
    | { readonly by: 'log' | 'person'; readonly slots: readonly RebuildServing[] }
    | { readonly why: string; readonly unblock: string };
  /** What else the configuration names and this machine lacks, each as a refusal. */
  readonly lacking: readonly Refusal[];
  /** The application's business transactions are declared. */
  readonly transactions: boolean;
  /** How long each step took when it was last carried out, by its id. Milliseconds. */
  readonly took: Readonly<Record<string, number>>;
}

export type RebuildKind = 'configuration' | 'server' | 'store' | 'application' | 'traffic' | 'business';

/** One step. Its id is the same in the plan, in the runbook, in an exercise and in its evidence. */
export interface RebuildStep {
  readonly id: string;
  readonly kind: RebuildKind;
  /** Of what: a backup, a store, a slot; of the others the cell. */
  readonly of: string;
  /** Ids of steps that have to be done. */
  readonly needs: readonly string[];
  /** What proves it done, in words. */
  readonly proof: string;
  /** From when it was last carried out; absent: it never was. Milliseconds. */
  readonly expectedMs?: number;
}

export interface RebuildPlan {
  readonly environment: string;
  readonly cell: string;
  readonly application: string;
  readonly steps: readonly RebuildStep[];
  readonly stores: readonly {
    readonly name: string;
    readonly point: RebuildPoint;
    /** See {@link RebuildStore}. */
    readonly given?: readonly string[];
  }[];
  readonly backups: readonly { readonly name: string; readonly id: string; readonly takenAt: Instant }[];
  readonly serving: { readonly by: 'log' | 'person'; readonly slots: readonly RebuildServing[] };
}

export type PlannedRebuild =
  | { readonly ok: true; readonly plan: RebuildPlan }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

/** The plan, or everything that stands against one. */
export function planRebuild(facts: RebuildFacts): PlannedRebuild {
  const { environment, cell, application, serving } = facts;
  const ordered = orderOfStores(facts);
  const refusals = [
    ...facts.lacking,
    ...ordered.refusals,
    ...facts.backups.flatMap((each) => refusedBackup(each)),
    ...facts.stores.flatMap((each) => refusedStore(facts, each)),
    ...refusedServing(facts),
  ];
  if (refusals.length > 0 || 'why' in serving) return { ok: false, refusals };
  const byName = new Map(facts.stores.map((each) => [each.name, each]));
  const stores = ordered.order.map((name) => byName.get(name)!);
  return {
    ok: true,
    plan: {
      ...{ environment, cell, application, serving },
      steps: stepsOf(facts, stores, serving.slots),
      stores: stores.map(({ name, point, given }) => ({ name, point: point!, ...(given !== undefined && { given }) })),
      backups: facts.backups.map(({ name, id, takenAt }) => ({ name, id: id!, takenAt: takenAt! })),
    },
  };
}

/** Stores that no tenant lives in first, as far as what each depends on lets them. */
function orderOfStores({ cell, stores, tenants }: RebuildFacts): {
  readonly order: readonly string[];
  readonly refusals: readonly Refusal[];
} {
  const lived = new Set(Object.values(tenants));
  const ordered = dependencyOrder(stores.map((each) => ({ ...each, early: !lived.has(each.name) })));
  if (ordered.ok) return { order: ordered.order, refusals: [] };
  return {
    order: [],
    refusals: disorderWords(ordered, 'store').map((why) =>
      refusal('dependencies', cell, `stores of ${cell}`, why, 'mend dependsOn in the cell’s file'),
    ),
  };
}

function stepsOf(
  { cell, took, tenants, transactions, backups, server }: RebuildFacts,
  stores: readonly RebuildStore[],
  slots: readonly RebuildServing[],
): readonly RebuildStep[] {
  const step = (kind: RebuildKind, of: string, needs: readonly string[], proof: string): RebuildStep => {
    const id = of === cell ? kind : `${kind}/${of}`;
    const expectedMs = Object.hasOwn(took, id) ? took[id] : undefined;
    return { id, kind, of, needs, proof, ...(expectedMs !== undefined && { expectedMs }) };
  };
  const configuration = backups.map(({ name }) =>
    step(
      'configuration',
      name,
      [],
      'it is compared with what was promised when it was taken, and stands in its folder',
    ),
  );
  const beside = configuration.map(({ id }) => id);
  const servers = server === undefined ? [] : [step('server', cell, beside, server.proof)];
  const platform = servers.length > 0 ? servers.map(({ id }) => id) : beside;
  const stored = stores.map(({ name, dependsOn, point }) =>
    step('store', name, [...platform, ...dependsOn.map((each) => `store/${each}`)], proofOfStore(point!)),
  );
  const all = stored.map(({ id }) => id);
  const applications = slots.map(({ slot, release }) =>
    step(
      'application',
      slot,
      all,
      `all files are those of ${release.version}, and every component answers healthy${server === undefined ? '' : `; ${server.release}`}`,
    ),
  );
  const many = Object.keys(tenants).length;
  const traffic = step(
    'traffic',
    cell,
    applications.map(({ id }) => id),
    `the router and the workers’ tables lead ${many} tenant${many === 1 ? '' : 's'} to ${slots.map(({ slot }) => slot).join(', ')}`,
  );
  const business = transactions ? [step('business', cell, [traffic.id], 'every business transaction goes well')] : [];
  return [...configuration, ...servers, ...stored, ...applications, traffic, ...business];
}

/** Whether its log goes on from a restore point. */
function hasLog({ reachedAt, lastWal }: RebuildPoint): boolean {
  return reachedAt !== undefined || lastWal !== undefined;
}

function proofOfStore({ promisesRows, reachedAt, lastWal, schemaVersion, proofs }: RebuildPoint): string {
  return [
    ...(promisesRows ? ['rows and sums of every table are what was promised'] : []),
    ...(proofs ?? [`the schema is ${schemaVersion} or later`]),
    ...(lastWal === undefined ? [] : [`recovery came to the end of the log, in ${lastWal} or later`]),
    ...(reachedAt === undefined || lastWal !== undefined ? [] : ['recovery came to the end of the vault’s log']),
    'pg_amcheck finds nothing wrong',
  ].join('; ');
}

function refusedStore({ cell }: RebuildFacts, { name, point, why, unblock }: RebuildStore): readonly Refusal[] {
  if (point !== undefined) return [];
  const way = unblock ?? 'headgate-agent restore-points list --config FILE says what lies there';
  return [refusal('store', cell, `store ${name}`, why ?? 'nothing is known of it', way)];
}

function refusedBackup({ name, id, why }: RebuildBackup): readonly Refusal[] {
  if (id !== undefined) return [];
  const way = 'headgate-agent backup NAME --list --config FILE says what lies there';
  return [refusal('configuration', name, `backup ${name}`, why ?? 'nothing is known of it', way)];
}

function refusedServing({ cell, serving, stores, tenants }: RebuildFacts): readonly Refusal[] {
  const no = (why: string, unblock: string) => refusal('release', cell, `releases of ${cell}`, why, unblock);
  if ('why' in serving) return [no(serving.why, serving.unblock)];
  const led = serving.slots.flatMap((slot) => slot.tenants);
  const missed = Object.keys(tenants).filter((tenant) => !led.includes(tenant));
  const wrong = [
    ...(missed.length === 0
      ? []
      : [no(`nothing says which release serves ${listed(missed)}`, 'name the release (--release DIR)')]),
  ];
  for (const { release, schemaRange, tenants: here } of serving.slots)
    for (const { name, point } of stores) {
      if (point === undefined || !here.some((tenant) => tenants[tenant] === name)) continue;
      const { schemaVersion } = point;
      // With its log a store may come back newer than its copy; older than a release can use it never gets.
      if (schemaVersion > schemaRange.max || (schemaVersion < schemaRange.min && !hasLog(point)))
        wrong.push(
          no(
            `${release.version} is for the schemas ${schemaRange.min} to ${schemaRange.max}, and ${name} comes back with ${schemaVersion}`,
            'name the release that ran on that schema (--release DIR)',
          ),
        );
    }
  return wrong;
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}

function refusal(code: string, cell: string, where: string, why: string, unblock: string): Refusal {
  return { code: `rebuild-${code}`, what: `rebuild ${cell}`, where, why, unblock };
}

/** How long all of it took, when each step was last carried out; absent: some never was. Milliseconds. */
export function expectedMs({ steps }: Pick<RebuildPlan, 'steps'>): number | undefined {
  return steps.every((step) => step.expectedMs !== undefined)
    ? steps.reduce((sum, step) => sum + step.expectedMs!, 0)
    : undefined;
}

/** What would be lost of each store if it came back now: all that was written since. Milliseconds. */
export function lostNow({ point }: RebuildPlan['stores'][number], now: Instant): number {
  return Math.max(0, now - Math.max(point.takenAt, Math.min(point.reachedAt ?? 0, now)));
}
