import { type Action, type Migration, type MigrationRef, MOST_MEASURED, type Outcome } from '@headgate/domain';
import { provenOutcome } from '@headgate/domain/rollout/outcome-rules';
import type { Difference } from '@headgate/execution';
import { MemoryCell } from '@headgate/testkit/execution/memory-cell';
import { digestFor, manifestOf, stepContext } from '@headgate/testkit/execution/step-context';
import { beforeEach, describe, expect, test } from 'vitest';
import { execute } from './index.ts';

const OLD = { digest: digestFor('1.0.0'), version: '1.0.0' };
const NEW = { digest: digestFor('1.1.0'), version: '1.1.0' };
const verification = { name: 'v', digest: digestFor('v') };
const reconciliation = { name: 'r', digest: digestFor('r') };
const migration = (from: number): MigrationRef => ({
  id: `m${from + 1}`,
  from,
  to: from + 1,
  phase: 'expand',
  file: { name: 'up.sql', digest: digestFor(`m${from}`), size: 3 },
});

const sealed = (from: number): Migration => {
  const { file, ...rest } = migration(from);
  return { ...rest, up: file, down: { ...file, name: 'down.sql' }, undo: 'down' };
};

let cell: MemoryCell;
beforeEach(() => {
  cell = new MemoryCell();
  cell.versions.set('main', [{ version: 1, digest: digestFor('m0') }]);
  cell.run('blue', OLD);
  for (const tenant of ['acme', 'globex']) cell.routes.set(tenant, 'blue');
});

const context = (more = {}) =>
  stepContext({
    release: NEW.digest,
    manifest: async () => manifestOf('1.1.0', { schemaRange: { min: 1, max: 2 }, migrations: [sealed(1)] }),
    blob: async () => Buffer.from('sql'),
    document: async () => ({}),
    ...more,
  });
/** Every outcome here must also be believed by the control plane. */
const run = async (action: Action, more = {}): Promise<Outcome> => {
  const outcome = await execute(action, context(more), cell);
  expect(provenOutcome(action, outcome)).toEqual(outcome);
  return outcome;
};

const EVERY: readonly Action[] = [
  { kind: 'restore-point', store: 'main' },
  { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] },
  { kind: 'deploy', slot: 'green', release: NEW },
  { kind: 'route', tenants: ['acme', 'globex'], slot: 'green' },
  { kind: 'verify', tenants: ['acme', 'globex'], verification, slot: 'green' },
  { kind: 'soak', tenants: ['acme'], verification, slot: 'green', durationMs: 20 },
  { kind: 'reconcile', store: 'main', reconciliation, tenants: ['acme'] },
  { kind: 'retire', slot: 'blue' },
];

test('a promotion goes through, and each step again has no second effect', async () => {
  for (const action of EVERY) expect(await run(action), action.kind).toMatchObject({ kind: 'done' });
  const once = ['take main', 'up main 2', 'deploy green 1.1.0', 'route acme,globex green', 'retire blue'];
  expect(cell.effects).toEqual(once);
  for (const action of EVERY) expect(await run(action), action.kind).toMatchObject({ kind: 'done' });
  // Routes are said again on purpose: that raises the fence.
  expect(cell.effects).toEqual([...once, 'route acme,globex green']);
});

test('nothing is begun once the time has run out or the assignment was taken back', async () => {
  const over = new AbortController();
  over.abort();
  for (const action of EVERY) {
    expect(await run(action, { remainingMs: () => 0 }), action.kind).toMatchObject({ kind: 'failed', code: 'expired' });
    expect(await run(action, { signal: over.signal }), action.kind).toMatchObject({ kind: 'failed', code: 'expired' });
  }
  expect(cell.effects).toEqual([]);
});

test('what migrations took is told with the outcome, also of a step that failed after them; of none that was there', async () => {
  const action: Action = { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] };
  const migrations = [{ migration: 'm2', durationMs: 7 }];
  const late = { ...action, to: 3, migrations: [migration(1), migration(2)] };
  let calls = 0;
  const once = { remainingMs: () => (calls++ < 2 ? 1_000 : 0) };
  expect(await execute(late, context(once), cell)).toMatchObject({
    kind: 'failed',
    code: 'expired',
    result: { migrations },
  });
  expect(await run(action)).toEqual({ kind: 'done', result: { observedAt: expect.any(Number), schemaVersion: 2 } });
});

test('a result tells the hundred migrations that took longest, in the order in which they ran', async () => {
  const all = Array.from({ length: 120 }, (_, n) => migration(n + 1));
  const up = cell.migrator.up;
  cell.migrator.up = async (store, each, sql, ctx) => {
    cell.tookMs = each.to % 6 === 0 ? 1 : 1_000 + each.to;
    return up(store, each, sql, ctx);
  };
  cell.run('blue', OLD, { min: 1, max: 121 });
  const outcome = await run({ kind: 'migrate', store: 'main', from: 1, to: 121, migrations: all });
  const told = outcome.kind === 'done' ? (outcome.result.migrations ?? []) : [];
  expect(told.map(({ migration: id }) => id)).toEqual(
    all.map(({ id }) => id).filter((id) => Number(id.slice(1)) % 6 !== 0),
  );
  expect(told).toHaveLength(MOST_MEASURED);
});

test('a later decision fences every step that changes something', async () => {
  cell.run('green', NEW);
  await run({ kind: 'route', tenants: ['acme'], slot: 'green' }, { fence: { epoch: 2, n: 1 } });
  const stale = { fence: { epoch: 1, n: 999 } };
  for (const action of [
    { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] },
    { kind: 'route', tenants: ['acme'], slot: 'blue' },
  ] as const) {
    expect(await run(action, stale), action.kind).toMatchObject({ kind: 'failed', code: 'fenced' });
  }
  expect(cell.routes.get('acme')).toBe('green');
});

describe('restore points', () => {
  test('one whose bytes changed fails the step and names what', async () => {
    cell.spoiled.add('rp-r1/s1');
    expect(await run({ kind: 'restore-point', store: 'main' })).toMatchObject({ kind: 'failed', code: 'check-failed' });
  });

  test('one whose bytes changed after it was verified keeps the migration from beginning', async () => {
    await run({ kind: 'restore-point', store: 'main' });
    cell.spoiled.add('rp-r1/s1');
    const migrate = { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] } as const;
    expect(await run(migrate)).toMatchObject({ kind: 'failed', code: 'rejected' });
    expect(cell.effects).toEqual(['take main']);
    cell.spoiled.clear();
    expect(await run(migrate)).toMatchObject({ kind: 'done' });
  });

  test('one that can not be read keeps the migration from beginning, by name; another rollout’s does not', async () => {
    const migrate = { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] } as const;
    const back = { kind: 'restore', store: 'main', to: 1 } as const;
    for (const rollout of ['r1', undefined]) {
      cell.unreadable.set('rp-1', { id: 'rp-1', rollout, why: 'manifest.json is no JSON' });
      expect(await run(migrate)).toMatchObject({
        kind: 'failed',
        code: 'rejected',
        why: 'restore point rp-1 of store main: manifest unreadable: manifest.json is no JSON; take a new one',
      });
      expect(await run(back)).toMatchObject({
        code: 'rejected',
        why: expect.stringContaining('rp-1: manifest unreadable'),
      });
    }
    expect(cell.effects).toEqual([]);
    cell.unreadable.set('rp-1', { id: 'rp-1', rollout: 'r0', why: 'manifest.json is no JSON' });
    expect(await run(migrate)).toMatchObject({ kind: 'done' });
  });

  test('a new one, taken after one became unreadable, lets the migration begin', async () => {
    cell.unreadable.set('rp-1', { id: 'rp-1', rollout: 'r1', why: 'manifest.json is no JSON' });
    await run({ kind: 'restore-point', store: 'main' });
    const migrate = { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] } as const;
    expect(await run(migrate)).toMatchObject({ kind: 'done' });
  });

  test('a restore goes to the one that this rollout took at that version, or is refused', async () => {
    await run({ kind: 'restore-point', store: 'main' });
    await run({ kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] });
    const back = { kind: 'restore', store: 'main', to: 1 } as const;
    expect(await run(back, { rollout: 'r2' })).toMatchObject({ kind: 'failed', code: 'rejected' });
    expect(await run(back)).toMatchObject({ kind: 'done', result: { schemaVersion: 1 } });
  });
});

describe('schema ranges', () => {
  test('a migration out of the range of what runs is rejected', async () => {
    cell.run('blue', OLD, { min: 1, max: 1 });
    const answer = await run({ kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] });
    expect(answer).toMatchObject({
      kind: 'failed',
      code: 'rejected',
      why: expect.stringContaining('1.0.0 in slot blue runs on schema 1 to 1'),
    });
    expect(cell.effects).toEqual([]);
  });

  test('a release that can not live with the store is not deployed', async () => {
    const answer = await run(
      { kind: 'deploy', slot: 'green', release: NEW },
      { manifest: async () => manifestOf('1.1.0', { schemaRange: { min: 2, max: 3 } }) },
    );
    expect(answer).toMatchObject({ kind: 'failed', code: 'rejected' });
  });

  test('a schema goes back only under what can live with it', async () => {
    await run({ kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [migration(1)] });
    cell.run('green', NEW, { min: 2, max: 2 });
    const back = { kind: 'unmigrate', store: 'main', from: 2, to: 1, migrations: [migration(1)] } as const;
    expect(await run(back)).toMatchObject({ kind: 'failed', code: 'rejected' });
    cell.held.delete('green');
    cell.versions.get('main')![1]!.digest = digestFor('tampered');
    expect(await run(back)).toMatchObject({ kind: 'failed', code: 'rejected', why: 'made by another file' });
    cell.versions.get('main')![1]!.digest = digestFor('m1');
    for (const unsaid of [{ release: undefined }, { manifest: async () => manifestOf('1.1.0') }])
      expect(await run(back, unsaid)).toMatchObject({
        why: expect.stringContaining('with which file m2 went forward'),
      });
    expect(await run(back)).toMatchObject({ kind: 'done', result: { schemaVersion: 1 } });
    expect(await run(back)).toMatchObject({ kind: 'done' });
  });
});

describe('slots', () => {
  test('what serves tenants is neither replaced nor retired', async () => {
    for (const action of [
      { kind: 'deploy', slot: 'blue', release: NEW },
      { kind: 'retire', slot: 'blue' },
    ] as const) {
      expect(await run(action)).toMatchObject({
        kind: 'failed',
        code: 'rejected',
        why: expect.stringContaining('2 tenants'),
      });
    }
    expect(cell.effects).toEqual([]);
  });

  test('tenants are not moved to a slot that can not serve', async () => {
    expect(await run({ kind: 'route', tenants: ['acme'], slot: 'green' })).toMatchObject({
      kind: 'failed',
      code: 'transient',
      why: expect.stringContaining('empty'),
    });
    expect(cell.routes.get('acme')).toBe('blue');
  });

  test('a move is done once the last request elsewhere has ended', async () => {
    cell.run('green', NEW);
    cell.running = 3;
    expect(await run({ kind: 'route', tenants: ['acme'], slot: 'green' })).toMatchObject({
      kind: 'done',
      result: { routed: 1 },
    });
    expect(cell.running).toBe(0);
  });
});

describe('looking', () => {
  const verify = { kind: 'verify', tenants: ['acme', 'globex'], verification, slot: 'blue' } as const;

  test('the first failure decides, without waiting for the others, which are told to end', async () => {
    let told = false;
    cell.check = async (tenant, { signal }) => {
      if (tenant === 'globex') return { ok: false, passed: 0, check: 'bill', why: 'not posted', since: 40, at: 42 };
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      told = true;
      return { ok: true, passed: 1 };
    };
    const outcome = await run(verify);
    expect(outcome).toMatchObject({
      kind: 'failed',
      code: 'check-failed',
      why: 'globex: bill: not posted',
      result: { checks: { failed: 1, firstFailure: { tenant: 'globex', check: 'bill', since: 40, at: 42 } } },
    });
    await expect.poll(() => told).toBe(true);
  });

  test.each<Action>([verify, { kind: 'soak', tenants: ['acme'], verification, slot: 'blue', durationMs: 5_000 }])(
    'a check of $kind that is cut short by the end of its time judged nothing: that is no failed check',
    async (action) => {
      const over = new AbortController();
      cell.check = (_tenant, { signal }) =>
        new Promise((resolve) => {
          const cut = { ok: false, passed: 0, check: 'bill', why: 'no answer (ABORT_ERR)', at: 1 } as const;
          signal.addEventListener('abort', () => resolve(cut));
          over.abort();
        });
      const outcome = await run(action, { signal: over.signal });
      expect(outcome).toMatchObject({ kind: 'failed', code: 'expired' });
      expect(outcome).not.toHaveProperty('result.checks');
    },
  );

  test('a check that can not be made at all throws: it is no result', async () => {
    cell.check = () => Promise.reject(new Error('no such document'));
    await expect(run(verify)).rejects.toThrow('no such document');
  });

  test('a soak takes a quarter of a tenant’s time at most, and the round that outlasts it is not held up', async () => {
    const shares: (number | undefined)[] = [];
    cell.check = async (_tenant, ctx) => {
      shares.push(ctx.busyAtMostPercent?.());
      await new Promise((resolve) => setTimeout(resolve, 150));
      shares.push(ctx.busyAtMostPercent?.());
      return { ok: true, passed: 1 };
    };
    await run({ kind: 'soak', tenants: ['acme'], verification, slot: 'blue', durationMs: 100 });
    expect(shares).toEqual([25, 100]);
    shares.length = 0;
    await run(verify);
    expect(new Set(shares)).toEqual(new Set([undefined]));
  });

  test('a soak lasts as long as it says, and ends with the first bad sample', async () => {
    const soak = { kind: 'soak', tenants: ['acme'], verification, slot: 'blue', durationMs: 600_000 } as const;
    const began = performance.now();
    expect(await run({ ...soak, durationMs: 120 })).toMatchObject({ kind: 'done', result: { checks: { failed: 0 } } });
    expect(performance.now() - began).toBeGreaterThanOrEqual(119);

    setTimeout(() => cell.ailments.set('blue', 'slot blue: web is gone'), 50);
    expect(await run(soak)).toMatchObject({
      kind: 'failed',
      code: 'check-failed',
      why: expect.stringContaining('web is gone'),
    });
    cell.ailments.clear();
    let rounds = 0;
    cell.check = async () =>
      ++rounds < 2 ? { ok: true, passed: 1 } : { ok: false, passed: 0, check: 'bill', why: 'late', at: 1 };
    expect(await run(soak)).toMatchObject({ kind: 'failed', result: { checks: { passed: 1, failed: 1 } } });
  });
});

describe('reconciling', () => {
  const difference = (key: string, effect: Difference['effect']): Difference => ({
    key,
    tenant: 'acme',
    left: undefined,
    right: undefined,
    class: effect === undefined ? 'in-doubt' : 'half-done',
    rule: effect,
    effect,
    why: 'x',
    amounts: [{ field: 'total', left: '10.10', right: null }],
  });
  const none = { replayed: 0, acknowledged: 0, cancelled: 0, posted: 0 };
  const action = { kind: 'reconcile', store: 'main', reconciliation, tenants: ['acme'] } as const;

  test('a difference is mended only when two looks see it, and one that goes by itself is left alone', async () => {
    let looks = 0;
    let open = ['acme/1'];
    cell.comparison = () => {
      const fresh = ++looks === 1 ? ['acme/9'] : [`acme/${100 + looks}`];
      const differences = [...open, ...fresh].map((key) => difference(key, 'replay'));
      return { compared: 5, differences, sums: [] };
    };
    cell.applied = (differences) => {
      open = [];
      return { ...none, replayed: differences.length };
    };
    expect(await run(action)).toMatchObject({
      kind: 'done',
      result: { reconciliation: { replayed: 1, asked: 0, agrees: true } },
    });
    expect(cell.effects).toEqual(['apply acme/1']);
  });

  test('what stays different is put before a person', async () => {
    cell.comparison = () => ({
      compared: 5,
      differences: [difference('acme/1', undefined), difference('acme/2', 'acknowledge')],
      sums: [{ field: 'total', left: '120.20', right: '100' }],
    });
    expect(await run(action)).toMatchObject({
      kind: 'done',
      result: {
        reconciliation: {
          asked: 2,
          classes: { 'half-done': 1, 'in-doubt': 1 },
          sums: [{ field: 'total', left: '120.20', right: '100' }],
          agrees: false,
        },
      },
    });
  });

  test('each kind of effect is counted for itself, and a transaction once, by what it was when it was mended', async () => {
    const effects = ['replay', 'acknowledge', 'cancel', 'post-difference'] as const;
    let rest: Difference[] = effects.map((effect) => difference(`acme/${effect}`, effect));
    cell.comparison = () => ({ compared: 4, differences: rest, sums: [] });
    cell.applied = () => {
      // The replayed one is acknowledged in a second turn.
      rest = rest.length === 4 ? [{ ...difference('acme/replay', 'acknowledge'), class: 'one-side-only' }] : [];
      return rest.length === 1
        ? { replayed: 1, acknowledged: 1, cancelled: 1, posted: 1 }
        : { ...none, acknowledged: 1 };
    };
    expect(await run(action)).toMatchObject({
      kind: 'done',
      result: {
        reconciliation: {
          compared: 4,
          replayed: 1,
          acknowledged: 2,
          cancelled: 1,
          posted: 1,
          asked: 0,
          classes: { 'half-done': 4 },
          agrees: true,
        },
      },
    });
  });

  test('sums that are not equal are no agreement, though nothing differs; customers’ newer business is left out of them', async () => {
    const sums = (left: string, right: string) => [{ field: 'total', left, right }];
    cell.comparison = () => ({ compared: 5, differences: [], sums: sums('100.01', '100') });
    const outcome = await execute(action, context(), cell);
    expect(outcome).toMatchObject({ result: { reconciliation: { asked: 0, agrees: false } } });
    expect(provenOutcome(action, outcome)).toMatchObject({ kind: 'failed', code: 'check-failed' });
    let looks = 0;
    cell.comparison = () => {
      const differences = looks++ === 0 ? [difference('acme/1', 'replay')] : [difference('acme/new', 'replay')];
      return { compared: 5, differences, sums: sums('110.10', '100') };
    };
    expect(await run(action)).toMatchObject({
      result: { reconciliation: { agrees: true, sums: [{ field: 'total', left: '100', right: '100' }] } },
    });
  });
});
