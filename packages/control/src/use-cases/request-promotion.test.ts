/** How many promotions one principal may have waiting, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Digest, Principal, Promotion } from '@headgate/domain';
import { expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryStore } from '../memory/index.ts';
import { requestPromotion } from './request-promotion.ts';

const RELEASE = `sha256:${'a'.repeat(64)}` as Digest;
const developer = (id: string): Principal => ({ id, roles: ['developer'] });

async function withPromotions(requester: string, states: readonly Pick<Promotion, 'phase' | 'wave'>[]) {
  const store = new MemoryStore({ clock: () => 1 });
  for (const [i, state] of states.entries())
    await store.commit({
      by: 'usr',
      writes: [
        {
          stream: `promotion/prm_${i}`,
          expected: 0,
          entries: [{ type: 'promotion.requested', data: {} }],
          state: { ...state, requester, environment: 'staging' },
          dueAt: null,
        },
      ],
    });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  const deps: Deps = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  return async (by: string) => {
    const asked = await requestPromotion(deps, developer(by), { release: RELEASE, environment: 'staging' });
    // There is no such release here: whoever gets so far was let in.
    return asked.ok ? 'asked' : asked.refusals[0];
  };
}

const waiting = { phase: 'awaiting', wave: 0 } as const;

test('a principal has at most 200 promotions that wait to begin, and others have theirs', async () => {
  const ask = await withPromotions('usr_1', Array(200).fill(waiting));
  expect(await ask('usr_1')).toMatchObject({
    code: 'too-many-waiting',
    where: 'principal/usr_1',
    why: '200 promotions that usr_1 asked for wait to begin',
  });
  expect(await ask('usr_2')).not.toMatchObject({ code: 'too-many-waiting' });
});

test.each([
  ['has begun', { phase: 'awaiting', wave: 1 }],
  ['is under way', { phase: 'advancing', wave: 1 }],
  ['has ended', { phase: 'ended', wave: 0 }],
] as const)('one that %s is not counted', async (_, state) => {
  const ask = await withPromotions('usr_1', [...Array(199).fill(waiting), state]);
  expect(await ask('usr_1')).not.toMatchObject({ code: 'too-many-waiting' });
});
