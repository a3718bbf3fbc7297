/** More environments for an agent, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal } from '@headgate/domain';
import { expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { formatOf } from '../ports/row-format.ts';
import { widenAgent } from './change-principal.ts';
import { createPrincipal } from './principals.ts';

const ADMIN: Principal = { id: 'usr_admin', roles: ['admin'] };
const AGENT = 'principal/agt_shop';

async function world(declared: readonly string[]) {
  const clock = () => 1_000;
  const store = new MemoryStore({ clock, log: new MemoryLog(clock) });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  const deps: Deps = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  await store.commit({
    by: 'u',
    writes: declared.map((name) => ({
      stream: `document/Environment/${name}`,
      expected: 0,
      entries: [{ type: 'document.applied', data: {} }],
      state: {},
      dueAt: null,
    })),
  });
  await createPrincipal(deps, ADMIN, { id: 'agt_shop', roles: ['agent'], environments: ['live'], tokenHash: '00' });
  const format = async () => formatOf(AGENT, (await store.load([AGENT])).get(AGENT)?.state);
  return { format, widen: (...more: string[]) => widenAgent(deps, ADMIN, 'agt_shop', more) };
}

test('an agent’s row is for servers that know what widening is only from when it was widened', async () => {
  const { format, widen } = await world(['live', 'lab']);
  expect(await widen('live')).toMatchObject({ ok: true });
  expect(await format()).toBe(1);
  expect(await widen('lab')).toMatchObject({ ok: true, value: { environments: ['live', 'lab'] } });
  expect(await format()).toBe(2);
});

test('an environment that nobody declared is refused with its name, and the five that are spelt most like it', async () => {
  const { format, widen } = await world(['lab', 'lob-1', 'lob-2', 'lob-3', 'lob-4', 'far-away']);
  expect(await widen('lab', 'lob')).toMatchObject({
    ok: false,
    refusals: [
      { why: 'there is no environment lob; there are lab, lob-1, lob-2, lob-3, lob-4 and 1 other', where: AGENT },
    ],
  });
  expect(await format()).toBe(1);
});
