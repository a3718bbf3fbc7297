/** Promotions and releases in the order of time, on a real server; what a watcher's HEAD gets, and what names may hold. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { type Client, createClient } from '@headgate/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer, until } from '../testing/real-server.ts';
import { refused, SmallCompany } from '../testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let auditor: Client;
const releases: string[] = [];
const promotions: string[] = [];

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  auditor = await server.client('auditor');
  const developer = await server.client('developer');
  for (let i = 0; i < 6; i++) releases.push(await company.release(`2.${i}.0`));
  for (let i = 0; i < 6; i++) {
    const body = { release: releases[i] as `sha256:${string}`, environment: i % 3 === 2 ? 'staging' : 'production' };
    promotions.push((await developer.call('requestPromotion', { body })).id);
  }
  const approver = await server.client('approver');
  await approver.call('rejectPromotion', { promotion: promotions[1] as string, body: { reason: 'not this week' } });
}, 60_000);
afterAll(() => server?.remove());

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

async function all<T>(ask: (more: { cursor?: string }) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Page<T> = await ask(cursor === undefined ? {} : { cursor });
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}
const promotionIds = async (only: object = {}, limit = 2) =>
  (await all((more) => auditor.call('listPromotions', { ...only, limit, ...more }))).map(({ id }) => id);
const places = async (only: object = {}) => (await promotionIds(only)).map((id) => promotions.indexOf(id));
const digests = async (only: object = {}) =>
  (await all((more) => auditor.call('listReleases', { ...only, limit: 4, ...more }))).map(({ ref }) => ref.digest);

const in64 = (text: string) => Buffer.from(text).toString('base64url');

describe('a list by time', () => {
  it('of promotions is told to agents, whose commands put a store back only where none is open; what people decide on is not', async () => {
    const admin = await server.client('admin');
    const { token } = await admin.call('enrolAgent', { body: { id: 'agt_asks', environments: ['production'] } });
    const agent = createClient({ baseUrl: server.url, token });
    const open = await agent.call('listPromotions', { environment: 'production', open: 'true' });
    expect(open.items.map(({ id }) => promotions.indexOf(id))).toEqual([4, 3, 0]);
    const [first] = open.items;
    expect((await refused(agent.call('showPromotion', { promotion: first!.id }))).code).toBe('not-permitted');
    expect(Object.values(first!.actions).some(({ allowed }) => allowed)).toBe(false);
  });

  it('has the newest promotion first, or the oldest, each once, with when it was asked for', async () => {
    expect(await places()).toEqual([5, 4, 3, 2, 1, 0]);
    expect(await places({ order: 'desc' })).toEqual([5, 4, 3, 2, 1, 0]);
    expect(await places({ order: 'asc' })).toEqual([0, 1, 2, 3, 4, 5]);
    const { items } = await auditor.call('listPromotions', {});
    const times = items.map(({ requestedAt }) => requestedAt as number);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    const shown = await auditor.call('showPromotion', { promotion: promotions[0] as string });
    expect(shown.requestedAt).toBe(times.at(-1));
  });

  it('keeps to its order under every filter', async () => {
    expect(await places({ environment: 'production' })).toEqual([4, 3, 1, 0]);
    expect(await places({ environment: 'production', order: 'asc' })).toEqual([0, 1, 3, 4]);
    expect(await places({ application: 'shop' })).toEqual([5, 4, 3, 2, 1, 0]);
    expect(await places({ application: 'nothing' })).toEqual([]);
    expect(await places({ phase: 'ended', application: 'shop' })).toEqual([1]);
    expect(await places({ open: 'false' })).toEqual([1]);
    expect(await places({ open: 'true', environment: 'production' })).toEqual([4, 3, 0]);
    expect((await refused(auditor.call('listPromotions', { phase: 'nowhere' as 'ended' }))).code).toBe('malformed');
  });

  it('has releases the newest first, or the oldest, those of an application, and those that begin so', async () => {
    const newest = [...releases].reverse();
    expect((await digests()).filter((each) => releases.includes(each))).toEqual(newest);
    expect((await digests({ application: 'shop', order: 'asc' })).slice(-6)).toEqual(releases);
    expect(await digests({ application: 'nothing' })).toEqual([]);
    const one = releases[3] as string;
    expect(await digests({ prefix: one.slice(0, 30) })).toEqual([one]);
  });

  it('goes on in the order of ids with an older Headgate’s cursor, to the end and without a gap', async () => {
    const byId = [...promotions].sort();
    const cursor = in64(`promotion/${byId[1]}`);
    const first = await auditor.call('listPromotions', { cursor, limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(byId.slice(2, 4));
    const second = await auditor.call('listPromotions', { cursor: first.next as string, limit: 5 });
    expect(second).toMatchObject({ items: byId.slice(4).map((id) => ({ id })), next: null });
    const releasesById = (await digests()).sort();
    const { items } = await auditor.call('listReleases', { cursor: in64(`release/${releasesById[0]}`) });
    expect(items.map(({ ref }) => ref.digest)).toEqual(releasesById.slice(1));
  });

  it.each([{ phase: 'awaiting' as const }, { application: 'shop' }])(
    'refuses an older Headgate’s cursor with a filter that came after it: %j',
    async (only) => {
      const cursor = in64(`promotion/${promotions[0]}`);
      const problem = await refused(auditor.call('listPromotions', { cursor, ...only }));
      expect(problem).toMatchObject({ status: 422, code: 'malformed' });
      expect(problem.problem.refusals[0]?.unblock).toContain('take `next` of the page before');
    },
  );

  it('says that an environment isn’t there, and which are, instead of an empty list', async () => {
    const problem = await refused(auditor.call('listPromotions', { environment: 'stagin' }));
    expect(problem).toMatchObject({ status: 404, code: 'not-found' });
    expect(problem.problem.refusals[0]?.why).toBe('there is no environment stagin; there are staging, production');
    expect(await promotionIds({ environment: 'staging', phase: 'ended' })).toEqual([]);
  });

  it('has cursors that an older Headgate refuses, since they begin with no stream’s name', async () => {
    const { next } = await auditor.call('listPromotions', { limit: 1 });
    expect(Buffer.from(next as string, 'base64url').toString()).toMatch(/^\d+ promotion\//);
  });

  it.each(['1 release/x', '99999999999999999 promotion/x', 'promotion', '1 promotion/\n', '-1 promotion/x', ''])(
    'refuses what is no cursor of its own: %j',
    async (text) => {
      const problem = await refused(auditor.call('listPromotions', { cursor: in64(text) }));
      expect(problem).toMatchObject({ status: 422, code: 'malformed' });
      expect(problem.problem.refusals[0]?.where).toBe('query/cursor');
    },
  );
});

const tokenOf = async (role: string) =>
  (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();

async function head(path: string, role: string): Promise<{ status: number; type: string; bytes: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; type: string; bytes: number }>();
  const headers = { authorization: `Bearer ${await tokenOf(role)}` };
  const asked = request(server.url + path, { method: 'HEAD', headers }, (answer) => {
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    answer.on('end', () =>
      resolve({ status: answer.statusCode ?? 0, type: String(answer.headers['content-type']), bytes }),
    );
  });
  asked.on('error', reject);
  asked.setTimeout(10_000, () => asked.destroy(new Error('no end in ten seconds')));
  asked.end();
  return promise;
}

describe('HEAD', () => {
  it('of the event stream answers as GET would begin, and ends: no watcher’s place is taken', async () => {
    for (let i = 0; i < 40; i++)
      expect(await head('/v1/events', 'auditor')).toEqual({ status: 200, type: 'text/event-stream', bytes: 0 });
  });

  it('that is refused changes nothing and makes no entry, as a GET', async () => {
    const sizeOf = async () => {
      await until('all is placed', async () =>
        (await auditor.call('metrics')).includes('headgate_log_entries_unplaced 0'),
      );
      return (await placedEntries(server)).length;
    };
    const before = await sizeOf();
    const agentOnly = await head('/v1/log/entries', 'developer');
    expect([403, 200]).toContain(agentOnly.status);
    expect(await sizeOf()).toBe(before);
  });
});

describe('what an agent says of itself', () => {
  const undone = (more: object) =>
    company.agent.call('tellUndone', {
      rollout: 'prm_nothing.live',
      body: {
        plan: releases[0] as `sha256:${string}`,
        scope: { kind: 'all', wave: 1 },
        begun: 0,
        steps: [],
        n: 1,
        by: 'usr_op',
        because: 'it burns',
        since: 1,
        ...more,
      },
    });

  it.each([
    ['body/by', { by: 'usr\u0007op' }],
    ['body/by', { by: 'two words' }],
    ['body/by', { by: '\u202Egpj' }],
    ['body/steps/0/id', { steps: [{ id: 'step\u001b[2J', result: {} }] }],
    ['body/since', { since: 8_640_000_000_000_001 }],
  ])('is refused with its place where a name holds what no name does: %s', async (where, more) => {
    const problem = await refused(undone(more));
    expect(problem).toMatchObject({ status: 422, code: 'malformed' });
    expect(problem.problem.refusals.map((each) => each.where)).toEqual([where]);
  });

  it('is looked at when it is well-formed', async () => {
    expect((await refused(undone({}))).code).toBe('not-found');
  });
});
