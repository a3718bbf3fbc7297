import type { Action, Outcome } from '@headgate/domain';
import type { Operation } from '@headgate/domain/model/operation';
import { provenOutcome } from '@headgate/domain/rollout/outcome-rules';
import { MemoryCell } from '@headgate/testkit/execution/memory-cell';
import { digestFor, stepContext } from '@headgate/testkit/execution/step-context';
import { expect, test } from 'vitest';
import { execute } from './index.ts';
import { whileClosed } from './operation-closer.ts';
import { done, failed } from './step-executor.ts';

const POST: Operation = { name: 'post', says: 'Not now.', requests: [{ methods: ['POST'], path: '/post' }] };
const TENANTS = ['acme', 'globex'];
const close: Action = { kind: 'close-operations', tenants: TENANTS, operations: [POST], forMs: 1_000 };
const open: Action = { kind: 'open-operations', tenants: TENANTS, operations: ['post'] };
const migrate: Action = {
  ...{ kind: 'migrate', store: 'main', from: 0, to: 1, closes: [POST] },
  migrations: [
    { id: 'm1', from: 0, to: 1, phase: 'expand', file: { name: 'm1.sql', digest: digestFor('x'), size: 1 } },
  ],
};
let n = 0;
const run = async (action: Action, cell: MemoryCell, more = {}): Promise<Outcome> => {
  const context = stepContext({ fence: { epoch: 1, n: ++n }, blob: async () => Buffer.from('select 1'), ...more });
  return provenOutcome(action, await execute(action, context, cell));
};

test('operations are closed once the last of their requests has ended', async () => {
  const cell = new MemoryCell(TENANTS);
  cell.runningClosed = 3;
  expect(await run(close, cell)).toMatchObject({ kind: 'done', result: { routed: 2 } });
  expect([cell.runningClosed, cell.effects]).toEqual([
    0,
    ['close post acme,globex leased', 'close post acme,globex leased'],
  ]);
  expect(await run(open, cell)).toMatchObject({ kind: 'done', result: { routed: 2 } });
  expect(cell.closed).toEqual([]);
});

test('requests that don’t end in time fail the step, and the operations are open again', async () => {
  const cell = new MemoryCell(TENANTS);
  cell.runningClosed = Number.POSITIVE_INFINITY;
  let left = 5;
  const outcome = await run(close, cell, { remainingMs: () => left-- });
  expect(outcome).toMatchObject({
    kind: 'failed',
    code: 'transient',
    why: expect.stringContaining('of post still run'),
  });
  expect(cell.closed).toEqual([]);
});

test('what isn’t closed, or still closed, when it is read back has failed', async () => {
  const cell = new MemoryCell(TENANTS);
  cell.operations.closed = async () => [];
  expect(await run(close, cell)).toMatchObject({ kind: 'failed', why: expect.stringContaining('isn’t closed') });
  cell.operations.closed = async () => [{ operation: 'post', says: '', tenants: ['acme'], since: 0 }];
  expect(await run(open, cell)).toMatchObject({ kind: 'failed', why: expect.stringContaining('still closed') });
});

test('a migration closes its operations anew, waits for what runs, and hands them on leased', async () => {
  const cell = new MemoryCell(TENANTS);
  cell.runningClosed = 2;
  expect(await run(migrate, cell)).toMatchObject({ kind: 'done', result: { schemaVersion: 1 } });
  expect(cell.effects[0]).toBe('close post acme,globex leased');
  expect([cell.runningClosed, cell.effects.at(-1)]).toEqual([0, 'close post acme,globex leased']);
  expect(cell.closed).toMatchObject([{ operation: 'post', until: expect.any(Number) }]);
});

test('one that failed opens them at once; one of which nobody knows what became, or that was stopped, half a minute later', async () => {
  for (const [code, closed] of [
    ['rejected', 0],
    ['transient', 0],
    ['unknown', 1],
    ['expired', 1],
  ] as const) {
    const cell = new MemoryCell(TENANTS);
    cell.migrator.up = async () => ({ ok: false, code, why: 'it broke' });
    const before = Date.now();
    expect(await run(migrate, cell, { remainingMs: () => 3_600_000 })).toMatchObject({ kind: 'failed', code });
    expect({ code, closed: cell.closed.length }).toEqual({ code, closed });
    for (const { until = 0 } of cell.closed) expect(until - before).toBeLessThan(60_000);
  }
});

test('however long a migration may take, an agent that dies in it leaves them closed for five minutes at most', async () => {
  const cell = new MemoryCell(TENANTS);
  let left: number | undefined;
  cell.migrator.up = async () => {
    left = (cell.closed[0]?.until ?? 0) - Date.now();
    return { ok: false, code: 'rejected', why: 'seen' };
  };
  await run(migrate, cell, { remainingMs: () => 3_600_000 });
  expect(left).toBeGreaterThan(200_000);
  expect(left).toBeLessThanOrEqual(300_000);
});

test('nothing is migrated where they can’t be closed', async () => {
  const cell = new MemoryCell(TENANTS);
  cell.operations.close = async () => ({ ok: false, code: 'rejected', why: 'an older router' });
  expect(await run(migrate, cell)).toMatchObject({ kind: 'failed', code: 'rejected' });
  expect(cell.effects).toEqual([]);
});

test.each([
  ['refused', async () => ({ ok: false, code: 'rejected', why: 'no space left' }) as const],
  ['lost', async () => Promise.reject(new Error('no space left'))],
])('where a renewal is %s it is said, and the migration ended before the operations open', async (_, close) => {
  const cell = new MemoryCell(TENANTS);
  const told: string[] = [];
  const work = whileClosed(
    async (_action, ctx) => {
      cell.operations.close = close;
      await new Promise((over) => ctx.signal.addEventListener('abort', over));
      cell.operations.close = async () => ({ ok: true, value: undefined });
      return failed(ctx.remainingMs() > 0 ? 'rejected' : 'expired', 'it was ended');
    },
    true,
    { leaseMs: 400, renewEveryMs: 20, beyondMs: 200 },
  );
  const ctx = stepContext({ fence: { epoch: 1, n: ++n }, log: (line) => void told.push(line) });
  expect(await work(migrate as never, ctx, cell)).toMatchObject({
    ...{ kind: 'failed', code: 'expired' },
    why: 'the router would have opened post meanwhile (no space left): it was ended',
  });
  expect(told).toContain('the router doesn’t keep post closed for longer: no space left');
});

test('a renewal that is under way when the migration ends comes before the operations are opened', async () => {
  const cell = new MemoryCell(TENANTS);
  const { close } = cell.operations;
  const work = whileClosed(
    async () => {
      await new Promise<void>((begun) => {
        cell.operations.close = async (...all) => {
          begun();
          await new Promise((later) => setTimeout(later, 50));
          return close(...all);
        };
      });
      return failed('rejected', 'it broke');
    },
    true,
    { leaseMs: 60_000, renewEveryMs: 20, beyondMs: 1_000 },
  );
  await work(migrate as never, stepContext({ fence: { epoch: 1, n: ++n } }), cell);
  expect(cell.closed).toEqual([]);
});

test('a store that nobody lives in is migrated without closing anything', async () => {
  const cell = new MemoryCell(TENANTS);
  cell.traffic.read = async () => [];
  cell.operations.close = async () => ({ ok: false, code: 'rejected', why: 'nobody to close it for' });
  const work = whileClosed(async () => done(), true);
  expect(await work(migrate as never, stepContext({ fence: { epoch: 1, n: ++n } }), cell)).toMatchObject({
    kind: 'done',
  });
});
