/** The notifier and the deliveries over the store in memory, in virtual time. */
import { createHash } from 'node:crypto';
import { canonicalBytes, digestOfJson, type NotificationSpec } from '@headgate/documents';
import type { Attempted, Delivery, Digest, PromotionEvent } from '@headgate/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Controllers } from '../controllers/controllers.ts';
import type { Deps } from '../deps.ts';
import { Plans } from '../facts.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import type { Parcel } from '../ports/courier.ts';
import { streams } from '../records.ts';
import { DeliveryController } from './delivery-controller.ts';
import { Notifier } from './notifier.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 2, 2, 12);

class World {
  now = START;
  readonly log = new MemoryLog(() => this.now);
  readonly store = new MemoryStore({ clock: () => this.now, log: this.log });
  readonly blobs = new MemoryBlobs();
  readonly sent: Parcel[] = [];
  answer: (parcel: Parcel) => Attempted = () => ({ kind: 'delivered' });
  readonly deps: Deps;
  plan: Digest | undefined;

  constructor() {
    let n = 0;
    const newId = (prefix: string) => `${prefix}_${++n}`;
    const { store, blobs } = this;
    this.deps = {
      store,
      blobs,
      trust: {} as never,
      epoch: 1,
      newId,
      digestOf: digestOfJson,
      canonical: canonicalBytes,
    };
  }

  /** A server's part, with nothing that another's would know. */
  server() {
    const notifier = new Notifier(this.deps, this.log, new Plans(this.blobs), '/headgate/x');
    const courier = {
      send: async (parcel: Parcel) => {
        this.sent.push(parcel);
        return this.answer(parcel);
      },
    };
    const onError = (_: string, error: unknown) => {
      throw error;
    };
    const deliveries = new DeliveryController(this.deps, { courier, chance: () => 0, onError });
    const controllers = new Controllers(this.deps, new Plans(this.blobs), [deliveries]);
    return { notifier, tick: () => controllers.tickDue(100, onError), settle: () => deliveries.stop() };
  }

  async declare(name: string, more: Partial<NotificationSpec> = {}): Promise<void> {
    const spec = {
      ...{
        audience: 'team',
        happenings: ['planned', 'paused', 'finished'],
        environments: [],
        tenants: [],
        principals: [],
      },
      channels: [{ name: 'c', type: 'webhook', url: 'https://example.org', secrets: [], format: 'message' }],
      ...{ gatherSeconds: 0, mostPerHour: 1_000, templates: [] },
      ...more,
    };
    const stream = streams.document('Notification', name);
    const state = { kind: 'Notification', name, owner: 'o', spec, digest: digestOfJson(spec) };
    const entries = [{ type: 'document.applied', data: {} }];
    const { ok } = await this.store.commit({ by: 'u', writes: [{ stream, expected: 0, entries, state, dueAt: null }] });
    expect(ok).toBe(true);
  }

  async event(id: string, event: PromotionEvent['type'], data: object = {}): Promise<void> {
    this.plan ??= await this.blobs.put(
      canonicalBytes({
        cells: [
          {
            cell: 'live',
            base: { slots: {} },
            slot: { from: 'a', to: 'b' },
            steps: [{ wave: 1, action: { kind: 'route', tenants: ['acme'] } }],
          },
        ],
      }),
    );
    const stream = streams.promotion(id);
    const row = (await this.store.load([stream])).get(stream);
    const core = {
      application: 'shop',
      environment: 'production',
      requester: 'usr_a',
      authors: [],
      waves: 1,
      cells: ['live'],
    };
    const release = { digest: `sha256:${createHash('sha256').update(id).digest('hex')}`, version: '2' };
    const state = { id, ...core, release, planDigest: this.plan };
    const entries = [{ type: event, data }];
    await this.store.commit({
      by: 'u',
      writes: [{ stream, expected: row?.version ?? 0, entries, state, dueAt: null }],
    });
    await this.log.place(1_000);
  }

  async deliveries(): Promise<readonly Delivery[]> {
    const all: Delivery[] = [];
    for (let after = ''; ; ) {
      const rows = await this.store.list('delivery', { limit: 1_000, ...(after !== '' && { after }) });
      all.push(...rows.map((row) => row.state as Delivery));
      after = rows.at(-1)?.stream ?? '';
      if (rows.length < 1_000) return all;
    }
  }
}

type Part = ReturnType<World['server']>;

async function reads({ notifier }: Part, world: World): Promise<void> {
  for (let more = true; more; ) {
    more = await notifier.round();
    await world.log.place(1_000);
  }
}

/** Ticks until nothing is due for a day. */
async function settles(part: Part, world: World): Promise<void> {
  for (let n = 0; n < 5_000; n++) {
    const due = world.store.nextDueAt();
    if (due === undefined) return;
    world.now = Math.max(world.now, due);
    await part.tick();
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('it does not settle');
}

describe('the notifier', () => {
  test('tells of a freeze, an adoption and an alarm after a promotion, each by what it is of', async () => {
    const world = new World();
    await world.declare('team', { happenings: ['frozen', 'adopted', 'alarmed'] });
    const part = world.server();
    await reads(part, world);
    await world.event('prm_1', 'promotion.requested');
    const put = async (stream: string, type: string, state: object, data: object) => {
      const entries = [{ type, data }];
      const writes = [{ stream, expected: 0, entries, state, dueAt: null }];
      expect(await world.store.commit({ by: 'usr_ops', writes })).toEqual({ ok: true });
    };
    const freeze = { name: 'now', from: START, to: START + HOUR, reason: 'it burns' };
    await put('freeze/all', 'freeze.declared', { freezes: [freeze] }, { scope: 'all', ...freeze });
    const slots = { blue: { release: { digest: `sha256:${'a'.repeat(64)}`, version: '1.0.0' } } };
    const desired = { cell: 'live', application: 'shop', environment: 'production', slots, stores: {}, tenants: {} };
    await put('cell/live', 'cell.adopted', { desired, uncertain: false }, { slots });
    const watch = { promotion: 'prm_1', environment: 'production', phase: 'alarmed' };
    await put('hypercare/production', 'hypercare.alarmed', watch, { why: 'cell live was not seen', until: 0 });
    await world.log.place(1_000);
    await reads(part, world);
    const told = (await world.deliveries()).map(({ about, promotion, items }) => [about, promotion, items[0]?.words]);
    expect(told.sort()).toEqual([
      ['adopted', undefined, 'cell live, by usr_ops'],
      ['alarmed', 'prm_1', 'cell live was not seen'],
      ['frozen', undefined, 'now, until 2026-03-02T13:00:00.000Z, by usr_ops: it burns'],
    ]);
  });

  test('tells nothing of what was before it began, and everything since', async () => {
    const world = new World();
    await world.declare('team');
    await world.event('prm_old', 'promotion.requested');
    const part = world.server();
    await world.log.publishHead(() => 'head');
    await reads(part, world);
    await world.event('prm_new', 'promotion.requested');
    await reads(part, world);
    expect((await world.deliveries()).map((d) => d.promotion)).toEqual(['prm_new']);
  });

  test('tells 2,500 customers of one entry in several commits, each once', async () => {
    const world = new World();
    const part = world.server();
    await reads(part, world);
    for (let n = 0; n < 2_500; n++)
      await world.declare(`customer-${n}`, { audience: 'customers', tenants: ['live/acme'] });
    await world.event('prm_1', 'promotion.requested');
    await world.event('prm_1', 'promotion.ended', { result: 'rejected', because: '' });
    await reads(part, world);
    const told = (await world.deliveries()).map((d) => `${d.rule} ${d.about}`);
    expect(told.length).toBe(5_000);
    expect(new Set(told).size).toBe(5_000);
  }, 30_000);

  test('is one, however many servers read, and whoever dies goes on where the last one stood', async () => {
    const world = new World();
    await world.declare('team');
    await Promise.all([world.server(), world.server()].map((part) => reads(part, world)));
    for (let n = 0; n < 40; n++) {
      await world.event(`prm_${n}`, 'promotion.requested');
      // Three servers at once, each new: they know nothing but what is stored.
      await Promise.all([world.server(), world.server(), world.server()].map((part) => reads(part, world)));
    }
    expect((await world.deliveries()).map((d) => d.promotion).sort()).toEqual(
      Array.from({ length: 40 }, (_, n) => `prm_${n}`).sort(),
    );
  });

  test('leaves out what is about a promotion that isn’t there, says so, and tells the rest', async () => {
    const world = new World();
    await world.declare('team');
    const part = world.server();
    await reads(part, world);
    await world.event('prm_1', 'promotion.requested');
    const planDigest = `sha256:${'0'.repeat(64)}`;
    const lost = { stream: 'promotion/prm_lost', expected: 0, state: { planDigest }, dueAt: null };
    await world.store.commit({ by: 'u', writes: [{ ...lost, entries: [{ type: 'promotion.requested', data: {} }] }] });
    await world.event('prm_2', 'promotion.requested');
    await reads(part, world);
    expect((await world.deliveries()).map((d) => d.promotion).sort()).toEqual(['prm_1', 'prm_2']);
    const log = (await world.log.entries(0, 1_000)).map(({ bytes }) => Buffer.from(bytes).toString()).join('\n');
    expect(log).toContain('"leftOut":1');
  });

  test('writes nothing for entries that are no news: its own would be the next', async () => {
    const world = new World();
    const part = world.server();
    await reads(part, world);
    const { size } = { size: (await world.log.entries(0, 1_000)).length };
    for (let n = 0; n < 50; n++) await reads(part, world);
    expect((await world.log.entries(0, 1_000)).length).toBe(size);
  });
});

describe('deliveries', () => {
  test('end, each sent or given up with a reason on the log, whatever the receiver does', async () => {
    const outcome = fc.constantFrom<Attempted>(
      { kind: 'delivered' },
      { kind: 'failed', why: 'HTTP 500' },
      { kind: 'failed', why: 'HTTP 502' },
      { kind: 'refused', why: '410' },
    );
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(outcome), fc.integer({ min: 1, max: 25 }), async (outcomes, promotions) => {
        const world = new World();
        await world.declare('team');
        const part = world.server();
        await reads(part, world);
        world.answer = () => outcomes.next().value as Attempted;
        for (let n = 0; n < promotions; n++) await world.event(`prm_${n}`, 'promotion.requested');
        await reads(part, world);
        await settles(part, world);
        const made = await world.deliveries();
        expect(made.length).toBe(promotions);
        for (const d of made) {
          expect(['sent', 'given-up']).toContain(d.phase);
          const attempts = world.sent.filter((p) => p.delivery.id === d.id);
          expect(attempts.length).toBeGreaterThanOrEqual(1);
          if (d.phase === 'given-up') expect(d.why).toMatch(/410|HTTP/);
        }
        expect(world.sent.length).toBe(made.reduce((sum, d) => sum + d.attempt, 0));
      }),
      { numRuns: 25 },
    );
  });

  test('to a dead channel don’t each knock at it, and still end', async () => {
    const world = new World();
    await world.declare('team');
    const part = world.server();
    await reads(part, world);
    world.answer = () => ({ kind: 'failed', why: 'ECONNREFUSED' });
    for (let n = 0; n < 200; n++) await world.event(`prm_${n}`, 'promotion.requested');
    await reads(part, world);
    await settles(part, world);
    const made = await world.deliveries();
    expect(made.every((d) => d.phase === 'given-up' && (d.why ?? '').length > 0)).toBe(true);
    expect(world.sent.length).toBeLessThan(400);
    expect(world.now - START).toBeLessThan(26 * HOUR);
  }, 30_000);

  test('that a server died with are sent again by another, with the same id', async () => {
    const world = new World();
    await world.declare('team');
    const dying = world.server();
    await reads(dying, world);
    await world.event('prm_1', 'promotion.requested');
    await reads(dying, world);
    world.answer = () => new Promise(() => {}) as never;
    await dying.tick();
    expect((await world.deliveries())[0]).toMatchObject({ phase: 'sending', attempt: 1 });
    world.answer = () => ({ kind: 'delivered' });
    const other = world.server();
    await other.tick();
    expect(world.sent).toHaveLength(1);
    await settles(other, world);
    expect(world.sent.map((p) => p.delivery.id)).toEqual(Array(2).fill((await world.deliveries())[0]?.id));
    expect((await world.deliveries())[0]).toMatchObject({ phase: 'sent', attempt: 2 });
  });

  test('of a Notification whose channel is gone are given up, with the reason', async () => {
    const world = new World();
    await world.declare('team');
    const part = world.server();
    await reads(part, world);
    await world.event('prm_1', 'promotion.requested');
    await reads(part, world);
    const stream = streams.document('Notification', 'team');
    const row = (await world.store.load([stream])).get(stream)!;
    const state = { ...(row.state as object), spec: { ...(row.state as { spec: object }).spec, channels: [] } };
    const entries = [{ type: 'document.applied', data: {} }];
    await world.store.commit({ by: 'u', writes: [{ stream, expected: 1, entries, state, dueAt: null }] });
    await settles(part, world);
    expect((await world.deliveries())[0]).toMatchObject({
      phase: 'given-up',
      why: 'Notification team has no channel c',
    });
    expect(world.sent).toEqual([]);
  });

  test('wait for the end of quiet hours in their time zone, as one, also when they were made just before', async () => {
    const world = new World();
    const windows = [{ name: 'night', start: '2026-01-01T22:00:00', rrule: 'FREQ=DAILY', durationMs: 8 * HOUR }];
    const quiet = { name: 'q', timezone: 'America/New_York', windows, freezes: [] };
    await world.declare('team', { quiet, gatherSeconds: 60 });
    const part = world.server();
    await reads(part, world);
    // 22:00 in New York in winter is 03:00 UTC.
    const night = Date.UTC(2026, 2, 3, 3);
    const morning = night + 8 * HOUR;
    world.now = night - 30_000;
    await world.event('prm_before', 'promotion.requested');
    await reads(part, world);
    for (let n = 0; n < 3; n++) {
      world.now += HOUR;
      await world.event(`prm_${n}`, 'promotion.requested');
      await reads(part, world);
    }
    world.now = night + 30_000;
    await part.tick();
    expect(world.sent).toEqual([]);
    world.now = morning - 1;
    await part.tick();
    expect(world.sent).toEqual([]);
    await settles(part, world);
    expect(world.now).toBe(morning);
    expect(world.sent.map((p) => [p.delivery.about, p.delivery.count]).sort()).toEqual([
      ['digest', 3],
      ['planned', 1],
    ]);
  });
});
