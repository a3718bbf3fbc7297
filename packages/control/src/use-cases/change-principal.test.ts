/** More environments for an agent, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal } from '@headgate/domain';
import { expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { formatOf } from '../ports/row-format.ts';
import { revokePrincipal, rotateToken, widenAgent } from './change-principal.ts';
import { createPrincipal, hashToken, recognise } from './principals.ts';

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
  return { deps, format, widen: (...more: string[]) => widenAgent(deps, ADMIN, 'agt_shop', more) };
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

test('who was revoked or got another token after it was recognised makes no principal, and changes none, itself included', async () => {
  for (const end of [
    (deps: Deps) => revokePrincipal(deps, ADMIN, 'usr_b'),
    (deps: Deps) => rotateToken(deps, ADMIN, 'usr_b', hashToken('usr_b.new')),
  ]) {
    const { deps } = await world(['lab']);
    await createPrincipal(deps, ADMIN, { id: 'usr_b', roles: ['admin'], tokenHash: hashToken('usr_b.old') });
    const { principal, asOf } = (await recognise(deps, 'usr_b.old'))!;
    const made = { id: 'usr_c', roles: ['admin'], tokenHash: '00' } as const;
    expect(await createPrincipal(deps, principal, made, asOf)).toMatchObject({ ok: true });
    expect(await rotateToken(deps, principal, 'usr_c', '01', asOf)).toMatchObject({ ok: true });
    await end(deps);
    const ended = { ok: false, refusals: [{ code: 'no-token' }] };
    expect(await createPrincipal(deps, principal, { ...made, id: 'usr_d' }, asOf)).toMatchObject(ended);
    expect(await rotateToken(deps, principal, 'usr_c', '02', asOf)).toMatchObject(ended);
    expect(await rotateToken(deps, principal, 'usr_b', '02', asOf)).toMatchObject(ended);
    expect(await revokePrincipal(deps, principal, 'usr_c', asOf)).toMatchObject(ended);
    expect(await widenAgent(deps, principal, 'agt_shop', ['lab'], asOf)).toMatchObject(ended);
    expect((await deps.store.load(['principal/usr_d'])).size).toBe(0);
  }
});
