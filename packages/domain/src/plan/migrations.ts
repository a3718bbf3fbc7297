import { fits, type SlotState } from '../model/cell.ts';
import type { Operation } from '../model/operation.ts';
import type { Migration, ReleaseManifest, SchemaRange } from '../model/release.ts';
import type { PolicySpec } from '../model/specs.ts';
import type { Action, MigrationRef, Plan, Undo } from './plan.ts';
import type { Refuse } from './slots.ts';
import { does, keep } from './step-maker.ts';

/**
 * The migrations that take a store from its version as far as the release goes, or undefined when a rule says no: no
 * gap, and the code before as well as the release run on what results (who else may still use what a contract migration
 * removes, `contract-users.ts` asks). Both serve the store while tenants move, so both ranges must hold. Without `old` nothing serves the store
 * meanwhile: its tenants are held, and what runs before is never asked to live with what results.
 */
export function migrationsOf(
  manifest: ReleaseManifest,
  store: string,
  schemaVersion: number,
  old: { readonly slot: string; readonly state: SlotState | undefined } | undefined,
  refuse: Refuse,
): readonly Migration[] | undefined {
  const chain = chainFrom(manifest, schemaVersion, store, refuse);
  if (chain === undefined) return undefined;
  const to = chain.at(-1)?.to ?? schemaVersion;
  if (!fits(manifest.schemaRange, to)) {
    refuse(
      'schema-range',
      `store ${store} would be at schema ${to}, the release runs on ${span(manifest.schemaRange)}`,
      to > manifest.schemaRange.max
        ? `take a release that runs on it; if this one does without what was removed since, make it again with a range that says so: ${declaredRange(manifest.schemaRange.min, to)}`
        : 'add the migrations that are missing, or take an earlier release first',
    );
    return undefined;
  }
  if (chain.length === 0 || old === undefined) return chain;
  const range = old.state?.schemaRange;
  const version = old.state?.release?.version ?? 'what runs';
  if (range === undefined) {
    refuse(
      'unknown-schema-range',
      `nobody knows which schemas ${version} in slot ${old.slot} runs on, and store ${store} would go to ${to}`,
      'adopt it as a release that declares its schema range',
    );
    return undefined;
  }
  if (!fits(range, to)) {
    refuse(
      'schema-range',
      `store ${store} would be at schema ${to}, but ${version} in slot ${old.slot} runs on ${span(range)}`,
      `promote a version between the two first; where those remove what ${version} uses, one that doesn’t use it and runs on both, so that it also gets past environments that are further: ${declaredRange(schemaVersion, to)}, promoted through all environments, and then this one`,
    );
    return undefined;
  }
  return chain;
}

function chainFrom(
  manifest: ReleaseManifest,
  schemaVersion: number,
  store: string,
  refuse: Refuse,
): readonly Migration[] | undefined {
  const ahead = manifest.migrations.filter((m) => m.from >= schemaVersion).sort((a, b) => a.from - b.from);
  let at = schemaVersion;
  for (const migration of ahead) {
    if (migration.from !== at) {
      refuse(
        'migration-gap',
        `store ${store} is at schema ${at}, the next migration starts at ${migration.from}`,
        'take the release between them first',
      );
      return undefined;
    }
    at = migration.to;
  }
  return ahead;
}

const runs = new WeakMap<Plan, readonly MigrationRef[]>();

/** What a plan runs in its stores, each file once, by the version that it leads to. Plans are asked with every look. */
export function migrationsRun(plan: Plan): readonly MigrationRef[] {
  const known = runs.get(plan);
  if (known !== undefined) return known;
  const found = new Map<string, MigrationRef>();
  for (const { steps } of plan.cells)
    for (const { action } of steps)
      if (action.kind === 'migrate')
        for (const each of action.migrations) found.set(`${each.to} ${each.file.digest}`, each);
  const sorted = [...found.values()].sort((a, b) => a.to - b.to);
  runs.set(plan, sorted);
  return sorted;
}

/** The step that runs a chain. */
export function migrate(
  store: string,
  from: number,
  chain: readonly Migration[],
  closes: readonly Operation[] = [],
): Action {
  const to = chain.at(-1)?.to ?? from;
  const migrations = chain.map((m) => ref(m, m.up));
  return { kind: 'migrate', store, from, to, migrations, ...(closes.length > 0 && { closes }) };
}

/**
 * What undoes a chain: one restore takes all of it back; else down-migrations run from its end, as far as the first one
 * that is kept, since what was expanded below can't be taken from under what stands on it. Nobody knows what new code wrote
 * into what these take away, so an approver is asked first, as before a restore: from `newCode` on, the step with which that
 * begins to write; always, where they are known to lose data by themselves, or take back what isn't only added.
 */
export function undoMigration(
  { policy, lossyBack = false }: { readonly policy: PolicySpec; readonly lossyBack?: boolean },
  chain: readonly Migration[],
  store: string,
  from: number,
  newCode?: string,
  closes: readonly Operation[] = [],
): Undo {
  const top = chain.at(-1)?.to ?? from;
  if (chain.some((m) => m.undo === 'restore'))
    return { ...does(policy, { kind: 'restore', store, to: from }), approver: 'approver' };
  const down: MigrationRef[] = [];
  for (const migration of chain.toReversed()) {
    if (migration.undo !== 'down' || migration.down === undefined) break;
    down.push(ref(migration, migration.down));
  }
  const to = down.at(-1)?.from;
  if (to === undefined && chain.some(({ phase }) => phase === 'contract'))
    return keep('what was taken away stays gone: the code before has to do without it');
  if (to === undefined)
    return keep(
      'the schema is only expanded: the code before runs on it, and other tenants may have written meanwhile',
    );
  const back: Action = { kind: 'unmigrate', store, from: top, to, migrations: down };
  const undo = { ...does(policy, closes.length > 0 ? { ...back, closes } : back), approver: 'approver' };
  const always = lossyBack || down.some(({ phase }) => phase !== 'expand');
  return always || newCode === undefined ? undo : { ...undo, losesFrom: newCode };
}

function ref(migration: Migration, file: Migration['up']): MigrationRef {
  const { id, from, to, phase } = migration;
  return { id, from, to, phase, file };
}

function span(range: SchemaRange): string {
  return `schema ${range.min} to ${range.max}`;
}

/** How a release says that it runs on more than it was built for: a service's range is derived, a manifest's own declared. */
function declaredRange(min: number, max: number): string {
  return `\`schemaRange: {min: ${min}, max: ${max}}\` in a release.yaml of its own (headgate release create FOLDER --key KEY)`;
}
