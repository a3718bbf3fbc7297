/** The pass under load of a cell of processes: what of a rehearsal it begins with, and why there is none. */
import type { Fingerprint } from '@headgate/domain/rehearsal/compare';
import type { Pass } from '@headgate/domain/rehearsal/rehearsal';
import { othersWait } from '@headgate/domain/rehearsal/trace';
import { saysNoTransaction } from '@headgate/migrations/parse/directives';
import { statementsOf } from '@headgate/migrations/parse/statements';
import { oldVersions } from '../business/run-business.ts';
import type { RehearsalAsk } from '../rehearse.ts';
import { heldTables } from '../run-pass.ts';
import { type Clone, cellTrial } from './cell-trial.ts';
import { runUnderLoad, type UnderLoadAsk, type UnderLoadRan } from './run-under-load.ts';

export interface UndisturbedRun {
  /** A clone of the copy as it was before anything ran on it. */
  readonly clone: Clone;
  /** The first way forward. */
  readonly forward: Pass | undefined;
  readonly before: Fingerprint;
  readonly after: Fingerprint | undefined;
}

/** Runs it once all else has been rehearsed; the parser must be loaded. */
export async function underLoadOf(
  ask: RehearsalAsk,
  { clone, forward, before, after }: UndisturbedRun,
): Promise<UnderLoadRan> {
  const { underLoad: load, business, migrations, program, how, mostTables, say } = ask;
  const none = (why: string): UnderLoadRan => ({ missing: [`nothing was run under load: ${why}`] });
  const to = migrations.at(-1)?.migration.to;
  if (load === undefined || to === undefined) return { missing: [] };
  if ('notRun' in business) return none(business.notRun);
  if (how === 'psql') return none('no promotion runs the files as --runner psql does');
  if (forward === undefined || after === undefined || forward.files.some(({ failed }) => failed !== undefined))
    return none('the migrations failed undisturbed');
  const { config, store, verification, signal } = business;
  const living = Object.keys(config.tenants).filter((tenant) => config.tenants[tenant]?.store === store);
  const tenants = living.filter((tenant) => config.rehearsal?.tenants?.includes(tenant) !== false).sort();
  if (tenants.length === 0) return none(`no tenant of the store ${store} is to be asked for`);
  const started = config.rehearsal?.components ?? [config.webComponent];
  const { found, missing } = await oldVersions({ config, release: business.release, started }, living, to);
  const [old, ...others] = found;
  if (old === undefined) return none(missing.join('; ') || 'nothing serves');
  const ran = await runUnderLoad({
    ...{ ...load, say, signal, mostTables, before, after, verification },
    trial: cellTrial({ business, old, tenants, migrations, program }, clone),
    files: migrations.map((each, i) => fileOf(each, forward.files[i])),
    tables: heldTables(forward),
  });
  return {
    ...ran,
    missing: [...ran.missing, ...others.map(({ ref }) => `under load: ${ref.version}, which serves, too`)],
  };
}

function fileOf(
  { migration, up: text }: RehearsalAsk['migrations'][number],
  traced: Pass['files'][number] | undefined,
): UnderLoadAsk['files'][number] {
  const { name } = migration.up;
  const how = traced?.by === 'program' ? 'program' : saysNoTransaction(text) ? 'alone' : 'transaction';
  const locks = (traced?.statements ?? []).flatMap((statement) => statement.locks);
  // What a transaction only shares with others nobody can hold it at, without ending their work.
  const held = locks.filter(
    ({ relation, mode }) =>
      !relation.startsWith('headgate.') && (how !== 'transaction' || othersWait({ mode })) && WAITS.has(mode),
  );
  return {
    ...{ name, how, text, from: migration.from, to: migration.to, durationMs: traced?.durationMs ?? 0 },
    statements: how === 'transaction' ? statementsOf(text).length : 0,
    locked: new Map(held.map(({ relation, mode }) => [relation, mode])),
  };
}

/** Modes that wait for somebody who writes or for somebody who keeps writers away. */
export const WAITS: ReadonlySet<string> = new Set([
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
]);
