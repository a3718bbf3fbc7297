/** Cells that were not read back since a restore, over the store in memory, in virtual time. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import {
  type CellAccount,
  type CellState,
  type Digest,
  MOST_EPOCHS_ABOVE,
  type Principal,
  TELL_MS,
} from '@headgate/domain';
import { aCell } from '@headgate/testkit/domain/builders';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { GateFactsGatherer, Plans } from '../facts.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { type CellRecord, streams } from '../records.ts';
import { answerCell } from './answer-cell.ts';
import { beginRecovery } from './begin-recovery.ts';
import { rotateToken } from './change-principal.ts';
import { observeCell } from './observe-cell.ts';
import { authenticate, createPrincipal, hashToken } from './principals.ts';
import { readBackCell } from './read-back-cell.ts';

const AGENT: Principal = { id: 'agt_one', roles: ['agent'], environments: ['production'] };
const OPERATOR: Principal = { id: 'usr_ops', roles: ['operator'] };
const ADMIN: Principal = { id: 'usr_admin', roles: ['admin'] };
const CELL = aCell();
const UPGRADED: CellState = { ...CELL, stores: { main: { schemaVersion: 2 } } };
const FORGOTTEN = `sha256:${'7'.repeat(64)}` as Digest;

let now: number;
let before: Deps;
let deps: Deps;
const gatherers = () => ({ plans: new Plans(deps.blobs), gates: new GateFactsGatherer(deps.store) });

function told(more: Partial<CellAccount> = {}): CellAccount {
  return { fence: { epoch: 1, n: 4 }, plans: [], state: CELL, restorePoints: [], ...more };
}

const record = async (): Promise<CellRecord> =>
  (await deps.store.load([streams.cell('shared')])).get(streams.cell('shared'))?.state as CellRecord;

beforeEach(async () => {
  now = Date.UTC(2026, 2, 2, 12);
  const log = new MemoryLog(() => now);
  const store = new MemoryStore({ clock: () => now, log });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  before = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  const state: CellRecord = { desired: CELL, uncertain: false, assigned: 4 };
  const entries = [{ type: 'cell.adopted', data: { slots: CELL.slots, stores: CELL.stores } }];
  await store.commit({ by: 'sys', writes: [{ stream: 'cell/shared', expected: 0, entries, state, dueAt: null }] });
  for (const [id, role] of [
    ['usr_dev', 'developer'],
    ['agt_one', 'agent'],
  ] as const)
    await createPrincipal(before, ADMIN, { id, roles: [role], tokenHash: hashToken(`${id}.secret`) });
  deps = { ...before, epoch: 2 };
  const head = { size: 10, root: '00' };
  const lost = { ...head, size: 12, note: '', from: 'this server' };
  const begun = await beginRecovery(deps, { kept: head, lost, by: 'usr_ops', because: 'x', refuseTokens: true });
  if (!begun.ok) throw new Error('not begun');
});

describe('a cell of which its agent tells', () => {
  test('what the rows know is as remembered', async () => {
    const read = await readBackCell(deps, gatherers(), AGENT, told());
    expect(read).toMatchObject({ ok: true, value: { epoch: 2, desired: CELL } });
    expect((await record()).asked).toBeUndefined();
  });

  test('a plan that nobody knows asks a person once, however often it is told', async () => {
    const unknown = told({ fence: { epoch: 1, n: 9 }, plans: [{ plan: FORGOTTEN, begun: 3 }], state: UPGRADED });
    for (let times = 0; times < 3; times++) await readBackCell(deps, gatherers(), AGENT, unknown);
    expect(await record()).toMatchObject({ asked: { epoch: 2, finding: 'unknown-plan' } });
    expect((await record()).epoch).toBeUndefined();
    const history = await (deps.store as MemoryStore).load([streams.cell('shared')]);
    expect(history.get(streams.cell('shared'))?.version).toBe(2);
  });

  test('as seen, by a person’s word, is what it should be from then on; nothing is asked twice', async () => {
    const unknown = told({ fence: { epoch: 1, n: 9 }, plans: [{ plan: FORGOTTEN, begun: 3 }], state: UPGRADED });
    await readBackCell(deps, gatherers(), AGENT, unknown);
    const early = await answerCell(deps, gatherers(), OPERATOR, 'shared', 'as-seen', 'looked');
    expect(early).toMatchObject({ ok: false, refusals: [{ code: 'stale-observation' }] });
    now += 10;
    await observeCell(deps, AGENT, UPGRADED);
    // Doing what the rows would have done next would do it twice.
    expect(await answerCell(deps, gatherers(), OPERATOR, 'shared', 'as-remembered', 'x')).toMatchObject({
      ok: false,
      refusals: [{ code: 'differs', why: expect.stringContaining('store main is at schema 2') }],
    });
    const answered = await answerCell(deps, gatherers(), OPERATOR, 'shared', 'as-seen', 'looked');
    expect(answered).toMatchObject({ ok: true, value: { epoch: 2, desired: UPGRADED } });
    expect(await answerCell(deps, gatherers(), OPERATOR, 'shared', 'as-remembered', 'x')).toMatchObject({
      ok: false,
      refusals: [{ code: 'nothing-asked' }],
    });
  });

  test('that acted under this epoch already shows that the epoch is too low', async () => {
    const read = await readBackCell(deps, gatherers(), AGENT, told({ fence: { epoch: 2, n: 1 } }));
    expect(read).toMatchObject({
      ok: false,
      refusals: [{ code: 'epoch-too-low', unblock: 'headgate-server recover --by NAME --because "…" --epoch-above 2' }],
    });
  });

  test('that says it acted under an epoch that no restore reaches becomes nobody’s advice', async () => {
    const read = (epoch: number) => readBackCell(deps, gatherers(), AGENT, told({ fence: { epoch, n: 1 } }));
    expect(await read(2 + MOST_EPOCHS_ABOVE)).toMatchObject({ refusals: [{ code: 'epoch-too-low' }] });
    for (const epoch of [3 + MOST_EPOCHS_ABOVE, Number.MAX_SAFE_INTEGER]) {
      const refused = await read(epoch);
      expect(refused).toMatchObject({ refusals: [{ code: 'absurd-token' }] });
      expect(JSON.stringify(refused)).not.toContain('--epoch-above');
    }
  });

  test('is told of by an agent of its environment alone, and answered for by who may answer', async () => {
    const stranger: Principal = { ...AGENT, environments: ['lab'] };
    expect(await readBackCell(deps, gatherers(), stranger, told())).toMatchObject({
      refusals: [{ code: 'not-yours' }],
    });
    expect(await answerCell(deps, gatherers(), AGENT, 'shared', 'as-remembered', 'x')).toMatchObject({
      refusals: [{ code: 'not-permitted' }],
    });
  });
});

test('a cell whose agent is silent is its agent’s to tell of at first, and then a person’s', async () => {
  const early = await answerCell(deps, gatherers(), OPERATOR, 'shared', 'as-remembered', 'the agent is gone');
  expect(early).toMatchObject({ ok: false, refusals: [{ code: 'too-early' }] });
  now += TELL_MS;
  const answered = await answerCell(deps, gatherers(), OPERATOR, 'shared', 'as-remembered', 'the agent is gone');
  expect(answered).toMatchObject({ ok: true, value: { epoch: 2 } });
});

test('people’s tokens from before a restore are worth nothing until they are new ones; agents’ go on', async () => {
  expect((await authenticate(before, 'usr_dev.secret'))?.id).toBe('usr_dev');
  expect(await authenticate(deps, 'usr_dev.secret')).toBeUndefined();
  expect((await authenticate(deps, 'agt_one.secret'))?.id).toBe('agt_one');
  await rotateToken(deps, ADMIN, 'usr_dev', hashToken('usr_dev.new'));
  expect((await authenticate(deps, 'usr_dev.new'))?.id).toBe('usr_dev');
});

test('tokens that one restore refused stay so after a later one that keeps tokens; those made since go on', async () => {
  await rotateToken(deps, ADMIN, 'usr_dev', hashToken('usr_dev.new'));
  await createPrincipal(before, ADMIN, { id: 'usr_old', roles: ['developer'], tokenHash: hashToken('usr_old.secret') });
  const head = { size: 10, root: '00' };
  for (const epoch of [3, 12]) {
    const later = { ...deps, epoch };
    const facts = { kept: head, by: 'usr_ops', because: 'again', refuseTokens: false };
    expect(await beginRecovery(later, facts)).toMatchObject({ ok: true, value: { tokensFrom: 2 } });
    expect(await authenticate(later, 'usr_old.secret')).toBeUndefined();
    expect((await authenticate(later, 'usr_dev.new'))?.id).toBe('usr_dev');
    expect((await authenticate(later, 'agt_one.secret'))?.id).toBe('agt_one');
  }
});

test('an older record of a restore, which says nothing of epochs, refuses as it did, and is counted later', async () => {
  const stream = streams.recovery(4);
  const state = { epoch: 4, at: now, until: now, kept: { size: 1, root: '00' }, by: 'usr_ops', because: 'x' };
  const entries = [{ type: 'recovery.begun', data: {} }];
  const old = { ...state, refuseTokens: true };
  await deps.store.commit({ by: 'sys', writes: [{ stream, expected: 0, entries, state: old, dueAt: null }] });
  await rotateToken(deps, ADMIN, 'usr_dev', hashToken('usr_dev.new'));
  expect(await authenticate({ ...deps, epoch: 4 }, 'usr_dev.new')).toBeUndefined();
  const later = { ...deps, epoch: 5 };
  await beginRecovery(later, { kept: state.kept, by: 'usr_ops', because: 'x', refuseTokens: false });
  expect(await authenticate(later, 'usr_dev.new')).toBeUndefined();
});
