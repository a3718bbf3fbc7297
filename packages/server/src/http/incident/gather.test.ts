/** What an incident reads when there is more than it can: over the store in memory. */
import { type CellRecord, Plans, streams } from '@headgate/control';
import { MemoryBlobs, MemoryStore } from '@headgate/control/memory/index';
import { incidentOf, type Promotion } from '@headgate/domain';
import { aCell } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import type { Context } from '../context.ts';
import { openPromotions } from '../paging.ts';
import { incidentHandlers } from '../resources/incident.ts';
import { gatherIncident } from './gather.ts';

const NOW = Date.UTC(2026, 2, 2, 12);
const CELL = aCell();

let store: MemoryStore;
let context: Context;
beforeEach(() => {
  store = new MemoryStore({ clock: () => NOW });
  const blobs = new MemoryBlobs();
  context = { deps: { store, blobs }, gatherers: { plans: new Plans(blobs) } } as unknown as Context;
});

const put = (stream: string, state: unknown) =>
  store.commit({
    by: 'sys',
    writes: [{ stream, expected: 0, entries: [{ type: 'made', data: {} }], state, dueAt: null }],
  });
async function cell(name: string, held: boolean): Promise<void> {
  const [first = ''] = Object.keys(CELL.tenants);
  const tenants = { ...CELL.tenants, ...(held && { [first]: { ...CELL.tenants[first], held: true } }) };
  const observed = { state: { ...CELL, cell: name, tenants }, at: NOW, by: 'agt_1' };
  const record = { uncertain: false, observed } as CellRecord;
  await put(streams.cell(name), record);
}
const gather = () => gatherIncident(context, NOW, { hours: 6 });

test('a held tenant is found behind more cells than are read, and what wasn’t read is said', async () => {
  for (let i = 0; i < 2_100; i++) await cell(`aa-${String(i).padStart(5, '0')}`, false);
  await cell('live', true);
  const gathered = await gather();
  expect(gathered.unread).toEqual(['cells beyond the first 2,000 in which nothing was seen to be wrong']);
  const { matters, tenants } = incidentOf(gathered.facts);
  expect(matters).toMatchObject([{ kind: 'held', held: 1, cells: [{ cell: 'live' }] }]);
  expect(tenants).toMatchObject([{ cell: 'live', held: true }]);
});

test('a look that met a bound never says that nothing is wrong, one that read everything does', async () => {
  const summary = async () => {
    const call = { principal: { id: 'usr_1', roles: ['operator'] }, input: { hours: 6 } };
    const shown = await incidentHandlers(context).showIncident(call as never);
    return shown.ok ? shown.value.summary : '';
  };
  await cell('live', false);
  expect(await summary()).toContain('Nothing is known to be wrong');
  for (let i = 0; i < 2_100; i++) await cell(`aa-${i}`, false);
  const said = await summary();
  expect(said).not.toContain('Nothing is known');
  expect(said).toContain('This look is not complete.');
  expect(said).toContain('Not read: cells beyond the first 2,000');
});

test('where everything is read, nothing is said to be unread', async () => {
  for (let i = 0; i < 20; i++) await cell(`aa-${i}`, false);
  expect((await gather()).unread).toEqual([]);
});

test('what is under way comes before any number of promotions that have yet to begin', async () => {
  const promotion = (phase: string, wave: number) => ({
    phase,
    wave,
    environment: 'production',
    cells: ['live'],
    planDigest: `sha256:${'0'.repeat(64)}`,
  });
  for (let i = 0; i < 300; i++) await put(`promotion/prm_${i}`, promotion('awaiting', 0));
  await put('promotion/prm_zz', { ...promotion('paused', 1), id: 'prm_zz' });
  await cell('live', false);
  expect((await gather()).unread).toEqual([]);
  const { begun, waiting, truncated } = await openPromotions(store, 10_000);
  expect(begun.map(({ id }: Promotion) => id)).toEqual(['prm_zz']);
  expect(waiting).toHaveLength(300);
  expect(truncated).toBe(false);
});
