/**
 * Code that is older than its store's schema. A range that a release declares says that it runs there; one that is derived says
 * it of whatever only adds. So where what brought the store further took something away, or nobody knows what it did, a
 * person answers for that release, as for contracts (ADR 31). Going back is no promotion, and is never asked here.
 */
import { OLDER_CODE, waivedBy, waiversBlock, waiversIn } from '../gates/finding-waivers.ts';
import type { CellState } from '../model/cell.ts';
import type { Digest, Instant } from '../model/identity.ts';
import type { ReleaseManifest, ReleaseRef } from '../model/release.ts';
import type { PolicySpec } from '../model/specs.ts';
import type { GateSpec, MigrationRef } from './plan.ts';
import type { PlanRequest } from './planner.ts';
import type { Refuse } from './slots.ts';

/** A migration that a promotion ran in a store, and what is known of it. */
export interface RanMigration {
  readonly promotion: string;
  readonly release: ReleaseRef;
  readonly migration: Pick<MigrationRef, 'id' | 'to' | 'phase' | 'file'>;
  /** What a verified analysis of its bytes says that it takes from running code; absent: no such analysis read it. */
  readonly removes?: readonly string[];
}

/** By `cell/store`: what was run there beyond a release's own version, as far as anybody knows. */
export type RanAhead = ReadonlyMap<string, readonly RanMigration[]>;

/** For so long a waiver that is proposed would hold. Milliseconds. */
const WAIVED_MS = 30 * 86_400_000;

/** Whether the ranges of what is promoted under these gates are derived: then waivers answer for contracts. */
export function rangesAreDerived(gates: readonly GateSpec[]): boolean {
  return gates.some(({ gate, params }) => gate === 'migrations-analysed' && params.contracts === 'waivers');
}

/** The schema that a release was built for: what its migrations lead to, or the lowest on which it runs. */
export function ownVersion({ schemaRange, migrations }: Pick<ReleaseManifest, 'schemaRange' | 'migrations'>): number {
  return migrations.reduce((top, { to }) => Math.max(top, to), schemaRange.min);
}

/** The stores that are ahead of a release, by `cell/store`, with the versions that it wasn't built for. */
export function storesAhead(
  manifest: Pick<ReleaseManifest, 'schemaRange' | 'migrations'>,
  cells: readonly CellState[],
): ReadonlyMap<string, readonly number[]> {
  const own = ownVersion(manifest);
  const ahead = cells.flatMap(({ cell, stores }) =>
    Object.entries(stores).flatMap(([store, { schemaVersion: at }]) =>
      // Beyond its range it is refused for that, however many versions these are.
      at > own && at <= manifest.schemaRange.max
        ? [[`${cell}/${store}`, Array.from({ length: at - own }, (_, i) => own + 1 + i)] as const]
        : [],
    ),
  );
  return new Map(ahead);
}

/** Whether a release is too old for a store of a cell, which is then told. A range that was declared is taken at its word. */
export function isTooOld(
  request: Pick<PlanRequest, 'environment' | 'manifest' | 'release' | 'policy' | 'ranAhead' | 'now'>,
  cell: CellState,
  store: string,
  refuse: Refuse,
): boolean {
  const { environment, manifest, release, policy, ranAhead, now } = request;
  if (!rangesAreDerived(policy.gates)) return false;
  const key = `${cell.cell}/${store}`;
  const versions = storesAhead(manifest, [cell]).get(key);
  if (versions === undefined) return false;
  const ran = ranAhead?.get(key) ?? [];
  const unknown = versions.filter((version) => !ran.some(({ migration }) => migration.to === version));
  const taking = ran.filter(takesAway);
  const unread = ran.filter((each) => !takesAway(each) && each.removes === undefined);
  if (unknown.length + taking.length + unread.length === 0) return false;
  if (answersForOlderCode(policy, release.digest, now)) return false;
  const at = cell.stores[store]?.schemaVersion;
  const whys = [
    ...taking.map(takenWords),
    ...unread.map(
      (each) => `${takenThere(each)}, declared as ${each.migration.phase}, which no verified analysis has read`,
    ),
    ...(unknown.length > 0
      ? [`nobody knows what took it to schema ${unknown.join(' and ')}: no promotion that was looked at did`]
      : []),
  ];
  const newer = taking[0] ?? unread[0];
  const ways = [
    ...unread.map((each) => `headgate analyse --release ${each.release.digest} --key KEY --attach`),
    newer === undefined
      ? 'promote a release that has that migration'
      : `promote ${newer.release.version} or a later release, which has that migration`,
  ];
  const block = waiversBlock(
    [{ file: release.digest, rule: OLDER_CODE, name: `${manifest.application} ${release.version}` }],
    now + WAIVED_MS,
    environment,
  );
  refuse(
    OLDER_CODE,
    `store ${store} is at schema ${at}, and ${release.version} was built for ${ownVersion(manifest)}; that it runs on more is derived, nobody said so: ${whys.join('; ')}`,
    `${[...new Set(ways)].join('; or ')}; or, once somebody has looked whether ${release.version} does without it, waive ${OLDER_CODE} of this release (${release.digest}) with your reason and your name as because (in the waivers of a Service; in a Policy among the gate’s params, without environment):\n${block}`,
  );
  return true;
}

/** Whether somebody has answered for a release that is older than its store, in the policy that is in force. */
export function answersForOlderCode({ gates }: Pick<PolicySpec, 'gates'>, release: Digest, now: Instant): boolean {
  const waivers = gates.flatMap(({ params }) => waiversIn(params.waivers) ?? []);
  return waivedBy(waivers, release, OLDER_CODE, now) !== undefined;
}

/** What took a store further and takes something from code of before, in words. */
export function takenWords(ran: RanMigration): string {
  return `${takenThere(ran)}, which takes ${(ran.removes ?? []).join(', ') || 'something'} from code of before`;
}

/** Whether a migration takes something from code of before, by its declared phase or by what an analysis of it says. */
export function takesAway({ migration, removes }: RanMigration): boolean {
  return migration.phase === 'contract' || (removes?.length ?? 0) > 0;
}

function takenThere({ promotion, release, migration }: RanMigration): string {
  return `promotion ${promotion} of ${release.version} took it to ${migration.to} with ${migration.file.name}`;
}
