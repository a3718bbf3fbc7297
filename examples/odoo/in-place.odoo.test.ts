/**
 * A tenant of the real Odoo goes back in its place to a moment, database and files, by the commands that people type: exact to the transaction,
 * killed on the way, while its neighbour on the same PostgreSQL and in the same Odoo posts invoices.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { filestoreDir, findStore } from '@headgate/adapters/execution/odoo/index';
import { markServerLog } from '@headgate/adapters/execution/odoo/server-log';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { applyKilledAt, approveInPlace } from '@headgate/agent/recover-store/testing/people';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numbersWrong, postInvoice } from './demo/tenant-state.ts';
import { type LoggedOdoo, loggedOdoo, type Sold } from './testing/logged-odoo.ts';
import { odooMissing } from './testing/required.ts';

const missing = (await odooMissing()) ?? (await pgbackrestMissing());
const AGENT = new URL('../../packages/agent/src/main.ts', import.meta.url).pathname;

interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe.skipIf(missing)('a tenant of Odoo', () => {
  let world: LoggedOdoo;
  let tried = 0;
  const beside: string[] = [];
  beforeAll(async () => {
    world = await loggedOdoo();
    // A job that is due writes as it runs, and a proposal of before is void then. In a new database all of them are.
    const due = async (): Promise<boolean> => {
      const [row] = await world.query(
        'aspen',
        `select count(*)::int as n from ir_cron where active and nextcall <= now() at time zone 'utc'`,
      );
      return row?.n !== 0;
    };
    for (const until = Date.now() + 300_000; await due(); await pause(1_000))
      if (Date.now() > until) throw new Error('Odoo doesn’t run its jobs');
  });
  afterAll(async () => {
    for (const to of beside) {
      await new Cluster({ dir: join(to, 'cluster'), port: 1 }, world.cell.stores.cluster.programs).stop(0);
      await rm(to, { recursive: true, force: true });
    }
    await world?.remove();
  });

  const asked = (...args: string[]): Promise<Typed> =>
    new Promise((done) => {
      const all = [AGENT, 'recover-store', ...args, '--config', world.agentFile];
      execFile(process.execPath, all, { timeout: 400_000 }, (error, out, err) => {
        expect(`${out}${err}`).not.toContain('correct horse');
        done({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err });
      });
    });
  interface Proposed extends Typed {
    readonly to: string;
    readonly file: string;
    readonly yes: string;
  }
  /** A proposal, and somebody's yes to it. */
  const proposed = async (...moment: string[]): Promise<Proposed> => {
    const to = join(tmpdir(), `headgate-odoo-place-${process.pid}-${++tried}`);
    beside.push(to);
    const [file, yes] = [join(world.dir, `${tried}.proposal`), join(world.dir, `${tried}.yes.json`)];
    const what = ['--store', 'aspen', '--as', 'usr_maker', '--because', 'an import went wrong', '--to', to];
    const told = await asked('propose', ...what, '--out', file, ...moment);
    if (told.code === 0) await approveInPlace(file, 'usr_approver', world.keyOf('usr_approver'), yes);
    return { ...told, to, file, yes };
  };
  const apply = ({ file, yes }: Proposed): Promise<Typed> => asked('apply', file, '--as', 'usr_run', '--approval', yes);
  const numbers = async (tenant: string): Promise<string[]> => {
    const rows = await world.query(
      tenant,
      `select name from account_move where state = 'posted' and move_type = 'out_invoice' order by name`,
    );
    return rows.map(({ name }) => String(name));
  };
  const filesOf = (tenant: string): string => filestoreDir(world.cell.stores, findStore(world.cell.stores, tenant));
  /** As a customer reads it, through the router. */
  const attached = async ({ attachment }: Sold): Promise<string> => {
    const [read] = await world.call<{ datas: string }[]>('aspen', 'ir.attachment', 'read', {
      ...{ ids: [attachment], fields: ['datas'] },
    });
    return Buffer.from(read!.datas, 'base64').toString();
  };
  const standing = (): Promise<string[]> => readdir(join(world.agentDir, 'store-recoveries')).catch(() => []);

  test('goes back in its place, killed twice on the way, while its neighbour is served', {
    timeout: 900_000,
  }, async () => {
    const first = await world.sell('aspen');
    const at = await world.now();
    const second = await world.sell('aspen');
    const proposal = await proposed('--at', at);
    expect(proposal.err).not.toContain('Error');
    expect(proposal.code, proposal.err).toBe(0);
    expect(proposal.out).toContain('The store aspen of the cell erp (production) goes back IN PLACE, to');
    expect(proposal.out).toMatch(/^public\.account_move: \d+ → \d+ rows\n {2}[1-9]\d* rows? lost or otherwise/m);
    expect(proposal.out).toMatch(/files +[1-9]\d*, .*: they come back with it, each compared with its name/);
    expect(proposal.out).toMatch(/not counted +public\..*public\.ir_cron/);
    expect(proposal.out).toContain('serves                    19.0.1 in blue, for schema 1 to 1');

    // Its neighbour posts all the while.
    const posted: string[] = [];
    let over = false;
    const before = await numbers('birch');
    const neighbour = (async () => {
      while (!over) posted.push(await postInvoice(world.cell, 'birch'));
    })();
    const { agentFile } = world;
    const { file, yes } = proposal;
    await applyKilledAt('A restore point of what stands is taken', { agentFile, file, yes, afterMs: 500 });
    await expect(world.call('aspen', 'res.users', 'search', { domain: [] })).rejects.toThrow();
    expect(await standing()).toEqual(['erp.aspen.json']);
    expect(await numbers('aspen')).toContain(second.number);
    await applyKilledAt('The store is replaced', { agentFile, file, yes, afterMs: 8_000 });
    await expect(world.call('aspen', 'res.users', 'search', { domain: [] })).rejects.toThrow();
    const done = await apply(proposal);
    expect(done.err).not.toContain('isn’t right');
    expect(done.code, done.err).toBe(0);
    over = true;
    await neighbour;

    expect(done.out).toContain('The store aspen is back in its place');
    expect(done.out).toContain('the database aspen__before');
    expect(await standing()).toEqual([]);
    const now = await numbers('aspen');
    expect(now).toContain(first.number);
    expect(now).not.toContain(second.number);
    expect(await attached(first)).toBe(first.contract);
    expect(await stat(join(filesOf('aspen'), second.file)).catch(() => undefined)).toBeUndefined();
    // What stood before is there to look at.
    expect(await readFile(join(`${filesOf('aspen')}.before`, second.file), 'utf8')).toBe(second.contract);
    await world.query('postgres', 'alter database aspen__before allow_connections true');
    const kept = await world.query('aspen__before', `select name from account_move where name = '${second.number}'`);
    expect(kept).toHaveLength(1);
    // Its neighbour was served, and nothing of it is lost or doubled.
    expect(posted.length).toBeGreaterThan(0);
    expect(await numbers('birch')).toEqual([...before, ...posted].toSorted());
    // The next invoice has the number that was taken back, and no other.
    expect(await postInvoice(world.cell, 'aspen')).toBe(second.number);
    for (const tenant of ['aspen', 'birch']) expect(await numbersWrong(world.cell, tenant)).toEqual([]);
    // It was applied: nobody is held to find that out.
    const again = await apply(proposal);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('is another one than was compared') });
  });

  test('goes back to just before a promotion’s first write; what is written after the yes is refused', {
    timeout: 900_000,
  }, async () => {
    const first = await world.sell('aspen');
    await markServerLog(world.cell.stores.cluster, 'prm_1.erp', 'aspen');
    const second = await world.sell('aspen');
    const stale = await proposed('--before', 'prm_1');
    expect(stale.code, stale.err).toBe(0);
    const third = await postInvoice(world.cell, 'aspen');
    const refused = await apply(stale);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/was written to after what would be lost was counted \(rows.*nobody was held/s);
    const proposal = await proposed('--before', 'prm_1');
    const done = await apply(proposal);
    expect(done.code, done.err).toBe(0);
    const now = await numbers('aspen');
    expect(now).toContain(first.number);
    for (const gone of [second.number, third]) expect(now).not.toContain(gone);
    expect(await attached(first)).toBe(first.contract);
  });

  test('is refused by name where a file isn’t what it has to be, here or where it was laid out', {
    timeout: 900_000,
  }, async () => {
    const sold = await world.sell('aspen');
    const at = await world.now();
    await world.sell('aspen');
    const path = join(filesOf('aspen'), sold.file);
    const right = await readFile(path);
    const flipped = Buffer.from(right);
    flipped[3]! ^= 1;
    await writeFile(path, flipped);
    const refused = await proposed('--at', at);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(
      `1 can’t be had: ${sold.file} (in the live filestore its content isn’t what its name`,
    );
    expect(await stat(refused.to).catch(() => undefined)).toBeUndefined();
    await writeFile(path, right);
    const proposal = await proposed('--at', at);
    expect(proposal.code, proposal.err).toBe(0);
    const laid = join(proposal.to, 'filestore', sold.file);
    await writeFile(laid, flipped);
    const other = await apply(proposal);
    expect(other.code).toBe(1);
    expect(other.err).toContain(
      `1 aren’t what they have to be: ${sold.file} (in ${join(proposal.to, 'filestore')} its content`,
    );
    expect(other.err).toContain('nobody was held');
    expect(await attached(sold)).toBe(sold.contract);
  });
});
