/**
 * kill -9 in the middle of tenants' upgrades and of a restore: each tenant ends upgraded or restored, never between; no
 * invoice number is lost or doubled; a store's module version is what Headgate says; and restored tenants log in, show
 * their attachments and post an invoice with the next number. HEADGATE_KILL=sample takes three of the moments.
 */
import { mkdtemp, open, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filestoreDir, findStore } from '@headgate/adapters/execution/odoo/index';
import { freePort } from '@headgate/adapters/machine/free-port';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { ReleaseRef } from '@headgate/domain';
import { scriptedApproval } from '@headgate/example-psa/demo/approvals.ts';
import { adopt, type Telling } from '@headgate/example-psa/demo/story.ts';
import { SHIPPED, World } from '@headgate/example-psa/demo/world.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BroughtUpCell } from './bring-up/cell.ts';
import { bringUpOdoo, type OdooExample } from './bring-up.ts';
import type { OdooVersion } from './build.ts';
import { promote, release } from './demo/story.ts';
import { odooDocuments } from './documents.ts';
import { Invoicing } from './testing/invoicing.ts';
import { KILLABLE_AGENT, Kills, type Moment } from './testing/kills.ts';
import { odooMissing } from './testing/required.ts';
import { attachmentsOf, cellFindings } from './testing/tenant-findings.ts';

const missing = await odooMissing();
const SAMPLE = process.env.HEADGATE_KILL === 'sample';
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
/** Three moments in all are the sample: where most is half done. */
const chosen = (sample: readonly Moment[], more: readonly Moment[]): readonly Moment[] =>
  SAMPLE ? sample : [...sample, ...more];

describe.skipIf(missing)('kill -9', () => {
  let dataDir: string;
  let world: World<OdooExample>;
  let telling: Telling<OdooExample>;
  let kills: Kills;
  let good: ReleaseRef;
  let bad: ReleaseRef;
  let attached: Awaited<ReturnType<typeof attachmentsOf>>;
  const invoices = new Map<string, readonly string[]>();

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

  const production = (): BroughtUpCell => world.example.cells.find(({ cell }) => cell.cell === PRODUCTION)!;

  /** Promotes to production while customers post invoices; the numbers that they are given are kept. */
  async function whileInvoicing(moments: readonly Moment[], ref: ReleaseRef): Promise<string> {
    const invoicing = new Invoicing(production());
    const end = await under(moments, ref, 'production').finally(() => invoicing.stop());
    for (const [tenant, given] of invoicing.given) {
      expect(given.length, `${tenant} posted invoices`).toBeGreaterThan(0);
      invoices.set(tenant, [...(invoices.get(tenant) ?? []), ...given]);
    }
    return end;
  }

  const wrongAt = (cell: BroughtUpCell, version: OdooVersion) => cellFindings(world, cell, version, attached, invoices);

  test('of the agent around holding and checking a tenant of staging: upgraded all the same', async () => {
    const around = [
      effect(STAGING, 'w1.hold.rehearsal', 'after', 'traffic.hold'),
      effect(STAGING, 'w1.verify.rehearsal', 'before', 'checks.run'),
    ];
    attached = new Map([...(await attachmentsOf(world.example.cells[0]!)), ...(await attachmentsOf(production()))]);
    for (const files of attached.values()) expect(Object.keys(files)).toHaveLength(9);
    expect(await under(chosen([], around), good, 'staging')).toBe('promoted');
    expect(await wrongAt(world.example.cells[0]!, '19.0.2')).toEqual([]);
  }, 600_000);

  test('of the agent and of Odoo’s upgrade in production: each tenant ends upgraded', async () => {
    const moments = chosen(
      [midway('birch', 'upgrade', 'agent', 1_500), midway('cedar', 'upgrade', 'program', 2_000)],
      [
        effect(PRODUCTION, 'w1.restore-point.aspen', 'after', 'restorePoints.take'),
        effect(PRODUCTION, 'w2.migrate.dogwood', 'after', 'migrator.up'),
        effect(PRODUCTION, 'w2.open.dogwood', 'after', 'traffic.open'),
      ],
    );
    expect(await whileInvoicing(moments, good)).toBe('promoted');
    expect(await wrongAt(production(), '19.0.2')).toEqual([]);
  }, 900_000);

  test('in the middle of a restore: the tenant ends restored and works on, its neighbours untouched', async () => {
    expect(await under([], bad, 'staging')).toBe('promoted');
    const moments = chosen(
      [midway('aspen', 'restore', 'agent', 500)],
      [
        midway('aspen', 'upgrade', 'program', 500),
        effect(PRODUCTION, 'undo.w1.migrate.aspen', 'after', 'restorePoints.restore'),
      ],
    );
    expect(await whileInvoicing(moments, bad)).toBe('rolled-back');
    expect(await wrongAt(production(), '19.0.2')).toEqual([]);
  }, 900_000);

  test('what is spoiled by hand turns these tests red', async () => {
    const { stores } = production();
    const change = async (tenant: string, sql: string): Promise<number | null> =>
      withClient(await stores.cluster.connection(tenant), async (client) => (await client.query(sql)).rowCount);
    const last = `(select id from account_move where state = 'posted' and name like 'INV/%' order by sequence_number desc limit 1)`;
    // A byte of a file, a number that is there twice, one that was skipped, a module's version.
    const file = await withClient(await stores.cluster.connection('aspen'), async (client) => {
      const { rows } = await client.query(`select store_fname from ir_attachment where name = 'contract-1-1.txt'`);
      return join(filestoreDir(stores, findStore(stores, 'aspen')), rows[0].store_fname as string);
    });
    await flipByte(file);
    const doubled = `update account_move set sequence_number = sequence_number - 1 where id = ${last}`;
    const skipped = `update account_move set sequence_number = sequence_number + 1,
      name = sequence_prefix || lpad((sequence_number + 1)::text, 5, '0') where id = ${last}`;
    const byHand = `update ir_module_module set latest_version = '19.0.2.0.9' where name = 'headgate_ps'`;
    expect(await change('birch', doubled)).toBe(1);
    expect(await change('cedar', skipped)).toBe(1);
    expect(await change('dogwood', byHand)).toBe(1);
    const wrong = (await wrongAt(production(), '19.0.2')).join('\n');
    expect(wrong).toMatch(/aspen: what an attachment holds is/);
    expect(wrong).toMatch(/birch: 1 numbers of INV.* are there twice/);
    expect(wrong).toMatch(/cedar: 1 numbers of INV.* miss/);
    expect(wrong).toMatch(/dogwood: the module in the database is "19\.0\.2\.0\.9"/);
    expect(wrong).toMatch(/dogwood: what Headgate keeps in the cell is .*drifted/);
    expect(wrong).toMatch(/dogwood: what the control plane saw is .*drift/);
  }, 120_000);
});

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 100);
    byte[0]! ^= 1;
    await file.write(byte, 0, 1, 100);
  } finally {
    await file.close();
  }
}
