/**
 * kill -9 in the middle of tenants' upgrades and of a restore: each tenant ends upgraded or restored, never between; no
 * invoice number is lost or doubled; and a store's module version is what Headgate says.
 */
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@headgate/adapters/machine/free-port';
import type { ReleaseRef } from '@headgate/domain';
import { scriptedApproval } from '@headgate/example-psa/demo/approvals.ts';
import { adopt, type Telling } from '@headgate/example-psa/demo/story.ts';
import { SHIPPED, World } from '@headgate/example-psa/demo/world.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bringUpOdoo, type OdooExample } from './bring-up.ts';
import { schemaOf } from './build.ts';
import { promote, release } from './demo/story.ts';
import { numbersWrong, postInvoice, tenantState } from './demo/tenant-state.ts';
import { odooDocuments } from './documents.ts';
import { KILLABLE_AGENT, Kills, type Moment } from './testing/kills.ts';
import { odooMissing } from './testing/required.ts';

const missing = await odooMissing();
const say = (line: string): void => console.error(line);

const [STAGING, PRODUCTION] = ['odoo-staging', 'odoo-production'] as const;
const effect = (cell: string, step: string, when: 'before' | 'after', what: string): Moment => ({
  kind: 'effect',
  cell,
  step,
  what,
  when,
});
const midway = (
  tenant: string,
  program: 'upgrade' | 'restore',
  victim: 'agent' | 'program',
  afterMs: number,
): Moment => ({ kind: 'midway', cell: PRODUCTION, tenant, program, victim, afterMs });

describe.skipIf(missing)('kill -9', () => {
  let dataDir: string;
  let world: World<OdooExample>;
  let telling: Telling<OdooExample>;
  let kills: Kills;
  let good: ReleaseRef;
  let bad: ReleaseRef;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'headgate-odoo-kill-'));
    await Kills.prepare(dataDir);
    world = await World.around(
      { dataDir, port: await freePort(), report: say, mains: { server: SHIPPED.server, agent: KILLABLE_AGENT } },
      {
        agent: 'agt_odoo',
        documents: odooDocuments(),
        bringUp: () => bringUpOdoo({ dataDir, failing: 'first', report: say }),
      },
    );
    telling = { world, say, approve: scriptedApproval(world) };
    await adopt(telling, odooDocuments());
    good = await release(telling, '19.0.2');
    bad = await release(telling, '19.0.3');
    kills = Kills.begin(world);
  });
  afterAll(async () => {
    await kills?.stop();
    await world?.stop();
    const home = await readlink(join(dataDir, 'system')).catch(() => undefined);
    if (home !== undefined) await rm(home, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Promotes with kills at these moments, and comes back when the promotion ended and all of them happened. */
  async function under(moments: readonly Moment[], ref: ReleaseRef, environment: string): Promise<string> {
    const before = kills.done.length;
    const armed = kills.arm(moments);
    const { result } = await promote(telling, ref, environment);
    await Promise.race([armed, new Promise((done) => setTimeout(done, 5_000))]);
    expect(kills.done.slice(before)).toHaveLength(moments.length);
    return result;
  }

  /** What the database, the code that answers, and Headgate say of a tenant, and its next invoice. */
  async function expectAt(version: '19.0.1' | '19.0.2' | '19.0.3', environment: string): Promise<void> {
    const cell = world.example.cells.find((each) => each.cell.environment === environment)!;
    const operator = await world.client('operator');
    const { schema, module } = schemaOf(version);
    for (const { id } of cell.cell.tenants) {
      const state = await tenantState(cell, id);
      expect({ tenant: id, database: state.moduleVersion, code: state.codeVersion }).toEqual({
        tenant: id,
        database: module,
        code: module,
      });
      const seen = async () => (await operator.call('showCell', { cell: cell.cell.cell })).observed?.state;
      await expect.poll(async () => (await seen())?.stores[id]?.schemaVersion, { timeout: 15_000 }).toBe(schema);
      const [, n] = /(\d+)$/.exec(await postInvoice(cell, id)) ?? [];
      expect(await numbersWrong(cell, id)).toEqual([]);
      expect(Number(n)).toBeGreaterThan(2);
    }
  }

  test('of the agent around holding a tenant and restoring its traffic: upgraded all the same', async () => {
    const moments = [
      effect(STAGING, 'w1.hold.rehearsal', 'after', 'traffic.hold'),
      effect(STAGING, 'w1.verify.rehearsal', 'before', 'checks.run'),
    ];
    expect(await under(moments, good, 'staging')).toBe('promoted');
    await expectAt('19.0.2', 'staging');
  }, 600_000);

  test('of the agent and of Odoo’s upgrade in production: each tenant ends upgraded', async () => {
    const moments = [
      effect(PRODUCTION, 'w1.restore-point.aspen', 'after', 'restorePoints.take'),
      midway('birch', 'upgrade', 'agent', 1_500),
      midway('cedar', 'upgrade', 'program', 2_000),
      effect(PRODUCTION, 'w2.migrate.dogwood', 'after', 'migrator.up'),
      effect(PRODUCTION, 'w2.open.dogwood', 'after', 'traffic.open'),
    ];
    expect(await under(moments, good, 'production')).toBe('promoted');
    await expectAt('19.0.2', 'production');
  }, 900_000);

  test('in the middle of a restore: the tenant ends restored, and its neighbours untouched', async () => {
    expect(await under([], bad, 'staging')).toBe('promoted');
    const moments = [
      midway('aspen', 'upgrade', 'program', 500),
      midway('aspen', 'restore', 'agent', 500),
      effect(PRODUCTION, 'undo.w1.migrate.aspen', 'after', 'restorePoints.restore'),
    ];
    expect(await under(moments, bad, 'production')).toBe('rolled-back');
    await expectAt('19.0.2', 'production');
  }, 900_000);
});
