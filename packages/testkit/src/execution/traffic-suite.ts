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

    test('a tenant that the cell does not have is rejected, and nobody moves', async () => {
      const { traffic, tenants, slots } = await world();
      expect(await traffic.route([...tenants, 'nobody'], slots[1], at(3))).toMatchObject({
        ok: false,
        code: 'rejected',
      });
      expect(await on(slots[1])).toEqual(tenants.slice(0, 1));
    });
  });
}
