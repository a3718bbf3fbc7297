import { routes } from '@headgate/contract';
import { hashToken, type PrincipalRecord } from '@headgate/control';
import { MemoryStore } from '@headgate/control/memory/index';
import type { FastifyRequest } from 'fastify';
import { beforeEach, expect, test } from 'vitest';
import { Entrance, type EntranceOptions } from './entrance.ts';
import { RateLimits } from './rate-limits.ts';

const FEW = { burst: 3, perSecond: 0.001 };
const BALANCER = '10.0.0.7';
const AGENT = 'agt_a.secret-of-the-agent';
const NEW_AGENT = 'agt_b.secret-of-the-other';

let store: MemoryStore;
beforeEach(async () => {
  store = new MemoryStore({ clock: () => 1 });
  for (const token of [AGENT, NEW_AGENT]) {
    const id = token.split('.')[0] as string;
    const state: PrincipalRecord = {
      id,
      roles: ['agent'],
      environments: [],
      tokenHash: hashToken(token),
      revoked: false,
    };
    const entries = [{ type: 'principal.created', data: {} }];
    await store.commit({
      by: 'sys',
      writes: [{ stream: `principal/${id}`, expected: 0, entries, state, dueAt: null }],
    });
  }
});

const entrance = (options: EntranceOptions = {}) =>
  new Entrance(
    { store, epoch: 1 },
    { limits: new RateLimits({ address: FEW, stranger: FEW, principal: { burst: 100, perSecond: 1 } }), ...options },
  );
const call = (token: string | undefined, from?: string) =>
  ({
    ip: BALANCER,
    headers: { authorization: token && `Bearer ${token}`, 'x-forwarded-for': from },
  }) as unknown as FastifyRequest;
async function answer(own: Entrance, token: string | undefined, from?: string): Promise<string> {
  const admission = await own.admit(call(token, from), routes.leaseStep);
  if ('refusal' in admission) return admission.refusal.code;
  admission.end();
  return admission.principal.id;
}

test('strangers without a token use up their address, and an agent behind it is let in, also one that comes for the first time', async () => {
  const own = entrance();
  const strangers = [];
  for (let i = 0; i < 5; i++) strangers.push(await answer(own, undefined));
  expect(strangers).toEqual(['no-token', 'no-token', 'no-token', 'too-many-requests', 'too-many-requests']);
  expect(own.open(call(undefined))?.refusal.code).toBe('too-many-requests');
  expect([await answer(own, AGENT), await answer(own, NEW_AGENT)]).toEqual(['agt_a', 'agt_b']);
});

test('whoever guesses tokens uses up their address, and an agent that was here goes on', async () => {
  const own = entrance();
  expect(await answer(own, AGENT)).toBe('agt_a');
  const guesses = [];
  for (let i = 0; i < 5; i++) guesses.push(await answer(own, `agt_a.guess-${i}`));
  expect(guesses).toEqual(['no-token', 'no-token', 'no-token', 'too-many-requests', 'too-many-requests']);
  for (let i = 0; i < 20; i++) expect(await answer(own, AGENT)).toBe('agt_a');
});

test('of guesses that are too many few are looked up, and whoever comes for the first time is, too', async () => {
  let looks = 0;
  const counting = new Proxy(store, {
    get: (target, key) => {
      if (key === 'load') looks += 1;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const limits = new RateLimits({ address: FEW, stranger: FEW, principal: FEW });
  const own = new Entrance({ store: counting, epoch: 1 }, { limits });
  const guesses = Promise.all(Array.from({ length: 50 }, (_, i) => answer(own, `agt_a.guess-${i}`)));
  const answers = new Set(await guesses);
  expect(answers).toEqual(new Set(['no-token', 'too-many-requests']));
  looks = 0;
  const more = Promise.all(Array.from({ length: 50 }, (_, i) => answer(own, `agt_a.guess-${i}`)));
  expect(await answer(own, NEW_AGENT)).toBe('agt_b');
  expect(new Set(await more)).toEqual(new Set(['too-many-requests']));
  // One whose turn it was, those that may wait, and the one that comes for the first time.
  expect(looks).toBe(6);
});

test('a token that was revoked is nobody’s at once, although it was known', async () => {
  const own = entrance();
  expect(await answer(own, AGENT)).toBe('agt_a');
  const row = (await store.load(['principal/agt_a'])).get('principal/agt_a');
  await store.commit({
    by: 'sys',
    writes: [
      {
        stream: 'principal/agt_a',
        expected: 1,
        entries: [{ type: 'principal.revoked', data: {} }],
        state: { ...(row?.state as PrincipalRecord), revoked: true },
        dueAt: null,
      },
    ],
  });
  expect(await answer(own, AGENT)).toBe('no-token');
});

test('behind a trusted proxy each stranger pays for itself; without one all pay for one', async () => {
  const from = (own: Entrance) => async () => [
    ...(await Promise.all([1, 2, 3, 4].map(() => answer(own, undefined, '198.51.100.1')))),
    await answer(own, undefined, '198.51.100.2'),
  ];
  expect((await from(entrance({ trustedProxies: [BALANCER] }))()).slice(3)).toEqual(['too-many-requests', 'no-token']);
  expect((await from(entrance())()).slice(3)).toEqual(['too-many-requests', 'too-many-requests']);
});

test('whoever has a network of IPv6 addresses pays for them as for one', async () => {
  const own = entrance({ trustedProxies: [BALANCER] });
  const from = (address: string) => answer(own, undefined, address);
  for (const end of ['1', '2', 'ffff:1']) expect(await from(`2001:db8:1:2::${end}`)).toBe('no-token');
  expect(await from('2001:db8:1:2:3:4:5:6')).toBe('too-many-requests');
  expect(await from('2001:db8:1:3::1')).toBe('no-token');
});

test('the ninth request of a person is told to come again, and an agent is not', async () => {
  const own = entrance();
  const agents = [];
  for (let i = 0; i < 20; i++) agents.push(await own.admit(call(AGENT), routes.leaseStep));
  expect(agents.every((each) => 'principal' in each && !('refusal' in each))).toBe(true);
  const state: PrincipalRecord = { id: 'usr_1', roles: ['auditor'], tokenHash: hashToken('usr_1.x'), revoked: false };
  const entries = [{ type: 'principal.created', data: {} }];
  await store.commit({ by: 'sys', writes: [{ stream: 'principal/usr_1', expected: 0, entries, state, dueAt: null }] });
  const looks = [];
  for (let i = 0; i < 12; i++) looks.push(await own.admit(call('usr_1.x'), routes.showIncident));
  expect(looks.filter((each) => !('refusal' in each))).toHaveLength(8);
  expect(looks[8]).toMatchObject({ refusal: { code: 'too-many-requests' }, retryAfterS: 1 });
  const downloads = [];
  for (let i = 0; i < 4; i++) downloads.push(await own.admit(call('usr_1.x'), routes.getBlob));
  expect(downloads.filter((each) => !('refusal' in each))).toHaveLength(2);
  const pages = [];
  for (let i = 0; i < 12; i++) pages.push(await own.admit(call(AGENT), routes.logEntries));
  expect(pages.filter((each) => !('refusal' in each))).toHaveLength(8);
  for (const each of looks) if ('end' in each) each.end();
  expect(await answer(own, 'usr_1.x')).toBe('not-permitted');
  expect('end' in (await own.admit(call('usr_1.x'), routes.showIncident))).toBe(true);
});
