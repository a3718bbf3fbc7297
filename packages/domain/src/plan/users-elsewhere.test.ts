/** A contract migration seen from the other environments: who is left behind, said before, and the way on afterwards. */
import { aCell, aManifest, aMigration, aPolicy, aRelease, aRequest } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import { OLDER_CODE } from '../gates/finding-waivers.ts';
import type { CellState } from '../model/cell.ts';
import type { Migration, ReleaseManifest } from '../model/release.ts';
import type { GateSpec } from './plan.ts';
import { type Planned, type PlanRequest, planPromotion } from './planner.ts';
import { mayUse, type UserElsewhere, usersIn } from './users-elsewhere.ts';

const gate = (params: GateSpec['params']): GateSpec => ({ gate: 'migrations-analysed', at: 'promotion', params });
const DERIVED = aPolicy({ gates: [gate({ contracts: 'waivers' })] });
const DECLARED = aPolicy({ gates: [gate({ contracts: 'ranges' })] });

/** A service's chain: two that add, then two that drop. */
const drop = (from: number) => aMigration(from, { phase: 'contract' });
const CHAIN: readonly Migration[] = [aMigration(0), aMigration(1), drop(2), drop(3)];
/** A service's release with that many migrations, and the range that is derived of them. */
const built = (version: string, count: number): Pick<PlanRequest, 'release' | 'manifest'> => ({
  release: aRelease(version),
  manifest: aManifest({
    version,
    migrations: CHAIN.slice(0, count),
    schemaRange: { min: count, max: count + 1 },
  }),
});
/** An environment's cell in which a release serves everybody, on a store at that schema. */
const serving = (
  environment: string,
  { release, manifest }: Pick<PlanRequest, 'release' | 'manifest'>,
  schemaVersion = manifest.schemaRange.min,
): CellState => ({
  ...aCell({ cell: environment, schemaVersion }),
  environment,
  slots: { blue: { release, schemaRange: manifest.schemaRange }, green: {} },
});
const plan = (cell: CellState, more: Partial<PlanRequest>): Planned =>
  planPromotion(aRequest({ policy: DERIVED, environment: cell.environment, cells: [cell], ...more }));
const risk = (planned: Planned) => (planned.ok ? planned.plan.risk : undefined);
const refusal = (planned: Planned) => (planned.ok ? undefined : planned.refusals[0]);

const old = built('1.4.0', 2);
const dropsOne = built('1.5.2', 3);
const dropsBoth = built('1.7.0', 4);

describe('before it is done', () => {
  const elsewhere = usersIn([serving('production', old)]);
  const removes = new Map([[3, ['public.booking.phone']]]);

  test('a plan that removes something names who serves elsewhere and may use it, and what to do first', () => {
    const planned = plan(serving('staging', old), { ...dropsOne, elsewhere, removes });
    expect(risk(planned)?.because).toContain(
      'production still runs 1.4.0, which may use public.booking.phone: take a release that doesn’t through all environments first, since none that is built for the schema of before comes to staging afterwards',
    );
    expect(risk(planned)).toMatchObject({
      level: 'high',
      elsewhere: [{ environment: 'production', version: '1.4.0' }],
    });
  });

  test.each<[string, Partial<PlanRequest>]>([
    ['a plan that only adds', { ...old, elsewhere: usersIn([serving('production', built('1.3.0', 1))]) }],
    ['where nothing else serves', { ...dropsOne, elsewhere: [] }],
    ['where its store has been there already', { ...dropsOne, elsewhere: usersIn([serving('production', dropsOne)]) }],
    ['where a range that somebody declared reaches it', { ...dropsOne, elsewhere, policy: DECLARED }],
  ])('%s says nothing of it', (_what, more) => {
    const on = more.release === old.release ? built('1.3.0', 1) : old;
    expect(risk(plan(serving('staging', on), more))).not.toHaveProperty('elsewhere');
  });

  test('of what nobody knows, it is taken that it may use it', () => {
    const unknown: UserElsewhere = { environment: 'production', version: '1.4.0', schema: 2 };
    expect(mayUse([unknown], [{ to: 3 }], false)).toEqual([unknown]);
  });
});

test('afterwards the refusals name a way on, and it goes: a release that does without, and says on what it runs', () => {
  const production = serving('production', old);
  const staging = serving('staging', dropsBoth);
  const next = built('1.7.1', 4);

  const locked = refusal(plan(production, next));
  expect(locked).toMatchObject({ code: 'schema-range', why: expect.stringContaining('1.4.0 in slot blue runs on') });
  expect(locked?.unblock).toContain('`schemaRange: {min: 2, max: 4}` in a release.yaml of its own');
  // As a service makes it, it doesn't come past staging any more, and is told the same.
  const relieving = refusal(plan(staging, built('1.4.2', 2)));
  expect(relieving).toMatchObject({ code: 'schema-range' });
  expect(relieving?.unblock).toContain('`schemaRange: {min: 2, max: 4}` in a release.yaml of its own');

  const manifest: ReleaseManifest = aManifest({ version: '1.4.3', migrations: [], schemaRange: { min: 2, max: 4 } });
  const relief = { release: aRelease('1.4.3'), manifest };
  const asked = refusal(plan(staging, relief));
  expect(asked).toMatchObject({ code: OLDER_CODE });
  const waiver = { file: relief.release.digest, rule: OLDER_CODE, because: 'ada looked', until: '2099-12-31' };
  expect(asked?.unblock).toContain(`{file: "${waiver.file}", rule: older-code, because: "", until:`);
  expect(asked?.unblock).toContain('environment: staging}');
  const policy = aPolicy({ gates: [gate({ contracts: 'waivers', waivers: [waiver] })] });
  expect(plan(staging, { ...relief, policy }).ok).toBe(true);
  expect(plan(production, relief).ok).toBe(true);
  // Once it serves there, what was locked out goes.
  expect(plan(serving('production', relief), next)).toMatchObject({ ok: true });
});
