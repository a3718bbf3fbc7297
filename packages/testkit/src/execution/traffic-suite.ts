import type { Traffic } from '@headgate/execution';
import { describe, expect, test } from 'vitest';
import { once } from './migrator-suite.ts';
import { stepContext } from './step-context.ts';

/** Traffic of a cell whose tenants aren't routed yet. */
export interface TrafficWorld {
  readonly traffic: Traffic;
  readonly tenants: readonly string[];
  readonly slots: readonly [string, string];
}

/** What everything that moves traffic does. `make` is asked once. */
export function trafficSuite(name: string, make: () => Promise<TrafficWorld>): void {
  describe(`${name} moves traffic`, () => {
    const world = once(make);
    const at = (n: number, epoch = 7) => stepContext({ fence: { epoch, n } });
    const on = async (slot: string | undefined): Promise<string[]> =>
      (await (await world()).traffic.read())
        .filter((route) => route.router === slot && route.workers === slot)
        .map((route) => route.tenant);

    test('every tenant of the cell is read back, also those that are not routed', async () => {
      const { tenants } = await world();
      expect((await on(undefined)).sort()).toEqual([...tenants].sort());
    });

    test('the named tenants move, requests and jobs together, and no other', async () => {
      const { traffic, tenants, slots } = await world();
      expect(await traffic.route(tenants, slots[0], at(1))).toMatchObject({ ok: true });
      expect(await traffic.route(tenants.slice(0, 1), slots[1], at(2))).toMatchObject({ ok: true });
      expect(await on(slots[1])).toEqual(tenants.slice(0, 1));
      expect((await on(slots[0])).sort()).toEqual(tenants.slice(1).sort());
      expect(await traffic.inFlightElsewhere(tenants, slots[0])).toBe(0);
    });

    test('the same again is welcome, a lower fence is refused and moves nobody', async () => {
      const { traffic, tenants, slots } = await world();
      expect(await traffic.route(tenants.slice(0, 1), slots[1], at(2))).toMatchObject({ ok: true });
      expect(await traffic.route(tenants, slots[0], at(1))).toMatchObject({ ok: false, code: 'fenced' });
      expect(await traffic.route(tenants, slots[0], at(999, 6))).toMatchObject({ ok: false, code: 'fenced' });
      expect(await on(slots[1])).toEqual(tenants.slice(0, 1));
    });

    test('held tenants are turned away, and no worker takes their jobs; the others are served', async () => {
      const { traffic, tenants, slots } = await world();
      const [first = ''] = tenants;
      expect(await traffic.hold([first], at(3))).toMatchObject({ ok: true });
      const held = (await traffic.read()).find((route) => route.tenant === first);
      expect(held).toMatchObject({ held: true, workers: undefined, router: slots[1] });
      expect((await on(slots[0])).sort()).toEqual(tenants.slice(1).sort());
      expect(await traffic.inFlightElsewhere([first])).toBe(0);
    });

    test('who is held can be moved, and stays held until opened, on the slot that they were moved to', async () => {
      const { traffic, tenants, slots } = await world();
      const [first = ''] = tenants;
      const read = async () => (await traffic.read()).find((route) => route.tenant === first);
      expect(await traffic.route([first], slots[0], at(4))).toMatchObject({ ok: true });
      expect(await read()).toMatchObject({ held: true, workers: undefined, router: slots[0] });
      expect(await traffic.open([first], at(5))).toMatchObject({ ok: true });
      expect(await read()).toMatchObject({ held: false, workers: slots[0], router: slots[0] });
      expect(await traffic.hold([first], at(4))).toMatchObject({ ok: false, code: 'fenced' });
      expect(await read()).toMatchObject({ held: false, workers: slots[0], router: slots[0] });
      expect(await traffic.route([first], slots[1], at(5))).toMatchObject({ ok: true });
    });

    test('a tenant that the cell does not have is rejected, and nobody moves', async () => {
      const { traffic, tenants, slots } = await world();
      expect(await traffic.route([...tenants, 'nobody'], slots[1], at(6))).toMatchObject({
        ok: false,
        code: 'rejected',
      });
      expect(await on(slots[1])).toEqual(tenants.slice(0, 1));
    });
  });
}
