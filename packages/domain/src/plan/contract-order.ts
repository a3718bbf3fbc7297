/**
 * Order across releases: expand first, contract only after nothing uses what it removes. What uses it is said by schema
 * ranges: code whose range reaches below a contract migration may still name what that migration takes away.
 */
import type { Refusal } from '../model/refusal.ts';
import type { MigrationPhase, SchemaRange } from '../model/release.ts';

/** A migration of a release, with what the analysis says of its file. */
export interface OrderedMigration {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** As the release declares it. */
  readonly declared: MigrationPhase;
  /** As the analysis finds it; `contract` as soon as a statement takes something from running code. */
  readonly found: MigrationPhase;
  /** What its statements take away: `schema.table`, `schema.table.column` … */
  readonly removes: readonly string[];
}

export interface OrderedRelease {
  readonly version: string;
  readonly range: SchemaRange;
  readonly migrations: readonly OrderedMigration[];
}

/** Something that still runs, or that a rollback would bring back; `watch`: hypercare that may yet lead back to it. */
export interface SchemaUser {
  readonly kind: 'slot' | 'worker' | 'way-back' | 'watch';
  /** Which: `cell/blue`, `cell/worker`, the promotion whose undo is still open. */
  readonly name: string;
  readonly version: string;
  readonly range: SchemaRange;
}

/** A contract that comes too early, and what would unblock it. */
export interface TooEarly extends Refusal {
  readonly code: 'contract-too-early' | 'phase-understated';
  readonly migration: string;
  readonly removes: readonly string[];
  readonly users: readonly SchemaUser[];
}

/**
 * Judges the migrations of a sequence of releases, oldest first. `users` is what runs or could come back before the first of
 * them. When the next one comes, the one before runs, and its undo still leads back to what ran before that.
 */
export function contractsTooEarly(
  releases: readonly OrderedRelease[],
  users: readonly SchemaUser[],
): readonly TooEarly[] {
  return releases.flatMap((release, i) => {
    const standing = standingAt(releases, users, i);
    return release.migrations.flatMap((migration) => judge(release, migration, standing));
  });
}

function standingAt(
  releases: readonly OrderedRelease[],
  users: readonly SchemaUser[],
  i: number,
): readonly SchemaUser[] {
  const running = releases[i - 1];
  if (running === undefined) return users;
  const undo = `the undo of ${running.version}`;
  const earlier = releases[i - 2];
  const back: readonly SchemaUser[] =
    earlier === undefined
      ? users.map((user) => ({ ...user, kind: 'way-back' as const, name: `${undo} (${user.name})` }))
      : [{ kind: 'way-back', name: undo, version: earlier.version, range: earlier.range }];
  return [{ kind: 'slot', name: 'the release before', version: running.version, range: running.range }, ...back];
}

function judge(
  release: OrderedRelease,
  migration: OrderedMigration,
  standing: readonly SchemaUser[],
): readonly TooEarly[] {
  const { id, to, declared, found, removes } = migration;
  const refusals: TooEarly[] = [];
  const refuse = (code: TooEarly['code'], why: string, unblock: string, by: readonly SchemaUser[] = []): void => {
    const what = `migration ${id} of ${release.version}`;
    refusals.push({ code, what, where: id, why, unblock, migration: id, removes, users: by });
  };
  if (declared !== 'contract' && found === 'contract')
    refuse(
      'phase-understated',
      `it is declared as ${declared} and takes ${list(removes)} from running code`,
      'declare it as contract (phase: contract in release.yaml; for a service the file’s name: x.contract.sql), or split the file: what adds first, what takes away in a later release',
    );
  if (found !== 'contract' && declared !== 'contract') return refusals;
  const using = standing.filter(({ range }) => range.max < to);
  if (using.length > 0)
    refuse(
      'contract-too-early',
      `${using.map(words).join('; ')}: none of them runs on schema ${to}, which lacks ${list(removes)}`,
      [...new Set(using.map((user) => unblocked(user, removes)))].join('; '),
      using,
    );
  return refusals;
}

function words({ kind, name, version, range }: SchemaUser): string {
  const back = kind === 'way-back' || kind === 'watch';
  const runs = back ? 'would bring back' : kind === 'worker' ? 'works with' : 'runs';
  return `${name} ${runs} ${version} (schema ${range.min} to ${range.max})`;
}

function unblocked({ kind, name, version }: SchemaUser, removes: readonly string[]): string {
  if (kind === 'way-back') return `end ${name}, so that nothing leads back to ${version}`;
  if (kind === 'watch')
    return `wait for the end of ${name}; or promote a release before that doesn’t use ${list(removes)}, which code of before may still name: its watch takes this one’s place, and doesn’t lead back to ${version}`;
  return kind === 'worker'
    ? `move the worker ${name} to a release that doesn’t use it`
    : `route everybody off ${name} and empty it`;
}

function list(removes: readonly string[]): string {
  return removes.length === 0 ? 'what it removes' : removes.join(', ');
}
