/**
 * A tenant of the real Odoo, brought back beside itself to a moment by the command that people type: exact to the transaction, with the file of
 * each attachment that it had then, while its neighbour is served.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { filestoreDir, findStore } from '@headgate/adapters/execution/odoo/index';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import { roundOfLog } from '@headgate/adapters/execution/odoo/server-log';
import { openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BroughtUpCell } from './bring-up/cell.ts';
import { postInvoice } from './demo/tenant-state.ts';
import { type LoggedOdoo, loggedOdoo } from './testing/logged-odoo.ts';
import { odooMissing } from './testing/required.ts';

const missing = (await odooMissing()) ?? (await pgbackrestMissing());
const AGENT = new URL('../../packages/agent/src/main.ts', import.meta.url).pathname;

describe.skipIf(missing)('a tenant of Odoo', () => {
  let world: LoggedOdoo;
  let cell: BroughtUpCell;
  let asked = 0;

  beforeAll(async () => {
    world = await loggedOdoo();
    cell = world.cell;
  });
  afterAll(() => world?.remove());

  const sell = () => world.sell('aspen');
  const inTenant = (sql: string) => world.query('aspen', sql);

  interface Then {
    readonly out: string;
    readonly numbers: readonly string[];
    /** Those that its rows name, and each is there. */
    readonly named: readonly string[];
    readonly filestore: string;
  }
  /** Brings it back, looks, and ends what runs there. */
  const back = async (args: readonly string[], look: (then: Then) => Promise<void>): Promise<void> => {
    const to = join(tmpdir(), `headgate-odoo-back-${process.pid}-${++asked}`);
    const command = [AGENT, 'recover', '--config', world.agentFile, '--store', 'aspen', '--to', to, ...args];
    const { stdout: out, stderr } = await promisify(execFile)(process.execPath, command, { timeout: 240_000 });
    expect(`${out}${stderr}`).not.toContain('correct horse');
    const port = Number(/-p (\d+)/.exec(out)![1]);
    const aside = new Cluster({ dir: join(to, 'cluster'), port }, cell.stores.cluster.programs);
    try {
      const [numbers, named] = await withClient(await aside.connection('aspen'), async (client) => [
        (await client.query(`select name from account_move where state = 'posted' and move_type = 'out_invoice'`)).rows,
        (await client.query('select distinct store_fname as name from ir_attachment where store_fname is not null'))
          .rows,
      ]);
      const names = (rows: { name: string }[]): string[] => rows.map(({ name }) => name).toSorted();
      await look({ out, numbers: names(numbers!), named: names(named!), filestore: join(to, 'filestore') });
    } finally {
      await aside.stop(0);
      await rm(to, { recursive: true, force: true });
    }
  };

  test('comes back to a moment with the invoice just before it and its file, and without the one just after', async () => {
    const first = await sell();
    const at = await world.now();
    const [second] = [await sell(), await postInvoice(cell, 'birch')];
    const live = await readdir(filestoreDir(cell.stores, findStore(cell.stores, 'aspen')), { recursive: true });
    expect(live).toEqual(expect.arrayContaining([first.file, second.file]));
    await back(['--at', at, '--compare'], async ({ out, numbers, named, filestore }) => {
      expect(numbers).toContain(first.number);
      expect(numbers).not.toContain(second.number);
      const laid = (await readdir(filestore, { recursive: true })).filter((name) => name.includes('/')).toSorted();
      expect(laid).toEqual(named);
      expect(laid).toContain(first.file);
      expect(laid).not.toContain(second.file);
      expect(await readFile(join(filestore, first.file), 'utf8')).toBe(first.contract);
      for (const name of laid) {
        const sha1 = createHash('sha1')
          .update(await readFile(join(filestore, name)))
          .digest('hex');
        expect(name).toBe(`${sha1.slice(0, 2)}/${sha1}`);
      }
      expect(out).toMatch(/modules +as schema 1 has them/);
      // The second invoice; and its attachment, beside what Odoo itself attaches.
      expect(out).toMatch(/^ {2}public\.account_move: \d+ rows → \d+ rows?; [1-9]\d* lost or otherwise/m);
      expect(out).toMatch(/^ {2}public\.ir_attachment: \d+ rows → \d+ rows; [1-9]\d* lost or otherwise/m);
    });
    const numbers = await inTenant(`select name from account_move where name = '${second.number}'`);
    expect(numbers).toHaveLength(1);
    expect(await postInvoice(cell, 'birch')).toMatch(/INV/);
  });

  test('whose attachment was deleted since, and its file with it, has it out of a restore point; without one it is refused', async () => {
    const sold = await sell();
    const at = await world.now();
    const path = join(filestoreDir(cell.stores, findStore(cell.stores, 'aspen')), sold.file);
    const bytes = await readFile(path);
    await world.call('aspen', 'ir.attachment', 'unlink', { ids: [sold.attachment] });
    // As Odoo's own vacuum does it, once a day.
    await rm(path);
    const refused = back(['--at', at], async () => {});
    await expect(refused).rejects.toThrow(
      new RegExp(`1 can’t be had: ${sold.file} \\(missing, ${bytes.length} bytes\\)`),
    );
    // A restore point that was taken while the file was there.
    await writeFile(path, bytes);
    const real = await openOdooCell(cell.config);
    let n = 100;
    const ctx = () =>
      stepContext({
        ...{ cell: 'erp', step: `s${++n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } },
        remainingMs: () => world.bounds.deadlineMs,
      });
    expect(await real.traffic.hold(['aspen'], ctx())).toMatchObject({ ok: true });
    const point = await real.restorePoints.take('aspen', ctx());
    expect(await real.traffic.open(['aspen'], ctx())).toMatchObject({ ok: true });
    if (!point.ok) throw new Error(point.why);
    await real.restorePoints.mark!('aspen', { ...ctx(), rollout: 'prm_1.erp' });
    await real.close();
    await rm(path);
    await back(['--at', at], async ({ out, filestore }) => {
      expect(out).toContain(`1 from the restore point ${point.value.id}`);
      expect(await readFile(join(filestore, sold.file), 'utf8')).toBe(sold.contract);
    });
    const late = await sell();
    await back(['--before', 'prm_1'], async ({ numbers, named }) => {
      expect(numbers).toContain(sold.number);
      expect(numbers).not.toContain(late.number);
      expect(named).not.toContain(sold.file);
    });
  });

  test('is refused where the log lacks a piece, and nothing of it is left', async () => {
    const { server } = world;
    const own = await openPgBackRest(server);
    await sell();
    const { reach } = await roundOfLog(server, own, world.bounds);
    const repository = cell.config.postgresql.pgbackrest!.repository as { dir: string };
    const log = join(repository.dir, 'archive', 'erp');
    const piece = (await readdir(log, { recursive: true })).find((name) => name.includes(`/${reach.last}-`))!;
    await rm(join(log, piece));
    await sell();
    await expect(back([], async () => {})).rejects.toThrow(/a piece of it is missing/);
    expect((await roundOfLog(server, own, world.bounds)).gap).toContain(reach.last);
  });
});
