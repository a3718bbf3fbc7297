/** A tenant of Odoo comes back beside itself to a moment, database and files: out of a real pgBackRest's repository. */
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markServerLog } from '@headgate/adapters/execution/odoo/server-log';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoggedTenants, loggedTenants } from '../testing/logged-tenants.ts';
import { recover } from './recover.ts';

const missing = await pgbackrestMissing();

// A recovery takes seconds, and a busy machine's many.
describe.skipIf(missing !== undefined)('a tenant of Odoo', { timeout: 180_000 }, () => {
  let world: LoggedTenants;
  /** Just after the first invoice, and before the second. */
  let moment: string;
  let [first, second] = ['', ''];
  let asked = 0;

  beforeAll(async () => {
    world = await loggedTenants();
    // Much of a neighbour's: so that it can be seen that it doesn't come along.
    await world.query('bob', `insert into account_move select 'b', repeat('x', 1000) from generate_series(1, 3000)`);
    expect(await world.round()).toMatchObject({ gap: expect.stringContaining('no backup lies in the repository yet') });
    await world.backUp();
    first = await world.invoice('ada', 'INV/1');
    moment = await now();
    second = await world.invoice('ada', 'INV/2');
  });
  afterAll(() => world?.remove());

  const now = async (): Promise<string> => {
    const [row] = await world.query(
      'ada',
      `select to_char(clock_timestamp() at time zone 'utc' + interval '1 ms', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, pg_sleep(0.01)`,
    );
    return row!.at as string;
  };

  interface Back {
    readonly code: number;
    readonly out: string;
    readonly err: string;
    readonly to: string;
  }

  const back = async (args: readonly string[], look?: (aside: Cluster, to: string) => Promise<void>): Promise<Back> => {
    const to = join(world.dir, `back-${++asked}`);
    const told = await world.asked(recover, '--store', 'ada', '--to', to, ...args);
    const port = Number(/-p (\d+)/.exec(told.out)?.[1] ?? 0);
    const aside = new Cluster({ dir: join(to, 'cluster'), port }, world.server.cluster.programs);
    try {
      if (told.code === 0) await look?.(aside, to);
    } finally {
      await aside.stop(0);
      if (told.code === 0) await rm(to, { recursive: true, force: true });
    }
    return { ...told, to };
  };
  const invoicesIn = async (aside: Cluster): Promise<unknown[]> =>
    withClient(await aside.connection('ada'), async (client) => {
      const { rows } = await client.query('select name from account_move order by name');
      return rows.map(({ name }) => name);
    });
  const filesIn = async (to: string): Promise<string[]> =>
    (await readdir(join(to, 'filestore'), { recursive: true })).filter((name) => name.includes('/')).toSorted();
  const nothingLeft = async ({ to }: Back): Promise<void> => {
    expect(await stat(to).catch(() => undefined)).toBeUndefined();
  };

  test('has what was committed until the moment, with its file, and nothing of after it, nor of its neighbours', async () => {
    // A job of Odoo's, and a row of before that is gone now.
    await world.query(
      'ada',
      'create table bus_bus(id int); alter table bus_bus owner to odoo; insert into bus_bus values (1)',
    );
    await world.query('ada', `update account_move set filler = 'changed since' where name = 'INV/1'`);
    const found = await back(
      ['--at', moment, '--as', 'usr_ann', '--because', 'a look', '--compare'],
      async (aside, to) => {
        expect(await invoicesIn(aside)).toEqual(['INV/1']);
        expect(await filesIn(to)).toEqual([first]);
        expect(await readFile(join(to, 'filestore', first), 'utf8')).toBe('the contract of INV/1');
        expect((await readdir(to)).toSorted()).toEqual(['cluster', 'filestore', 'recovered.json']);
        const databases = await withClient(await aside.connection(), async (client) => {
          const { rows } = await client.query('select datname from pg_database order by 1');
          return rows.map(({ datname }) => datname);
        });
        expect(databases).toEqual(['ada', 'headgate', 'postgres', 'template0', 'template1']);
      },
    );
    expect(found.out).toContain('difference 3 rows of now aren’t there then, 1 of then aren’t there now');
    expect(found.out).toContain('  public.account_move: 2 rows → 1 row; 2 lost or otherwise, 1 back\n');
    expect(found.out).toContain('by itself, while nobody works:\n  public.bus_bus: 1 row → no table; 1 lost');
    expect(found.out).toMatch(/modules +as schema 1 has them/);
    expect(found.out).toMatch(/files +1, 21 B: each is there.*1 from the live filestore/);
    expect(found).toMatchObject({ code: 0, err: expect.stringContaining('(of its databases ada, headgate alone)') });
    expect(await world.query('ada', 'select name from account_move order by 1')).toHaveLength(2);
  });

  test('has all of a transaction up to which it is asked for, and nothing of the next', async () => {
    const [row] = await world.query('ada', `select xmin::text as xid from account_move where name = 'INV/2'`);
    const third = await world.invoice('ada', 'INV/3');
    const found = await back(['--transaction', row!.xid as string], async (aside, to) => {
      expect(await invoicesIn(aside)).toEqual(['INV/1', 'INV/2']);
      expect(await filesIn(to)).toEqual([first, second].toSorted());
      expect(await filesIn(to)).not.toContain(third);
    });
    expect(found.code).toBe(0);
  });

  test('has what there was before a promotion’s first write to it, though another tenant’s was earlier', async () => {
    const { cluster } = world.server;
    await markServerLog(cluster, 'prm_1.erp', 'bob');
    await world.invoice('ada', 'INV/4');
    await markServerLog(cluster, 'prm_1.erp', 'ada');
    await world.invoice('ada', 'INV/5');
    const found = await back(['--before', 'prm_1'], async (aside) => {
      expect(await invoicesIn(aside)).toEqual(['INV/1', 'INV/2', 'INV/3', 'INV/4']);
    });
    expect(found.code).toBe(0);
    const none = await back(['--before', 'prm_2']);
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('has no migration of prm_2.erp/ada') });
    await nothingLeft(none);
  });

  test('whose database had another name when the backup was taken comes back all the same', async () => {
    const exchange = async (): Promise<void> => {
      for (const [from, to] of [
        ['ada', 'other'],
        ['bob', 'ada'],
        ['other', 'bob'],
      ])
        await world.query('postgres', `alter database ${from} rename to ${to}`);
    };
    await exchange();
    const exchanged = await now();
    await exchange();
    const found = await back(['--at', exchanged], async (aside) => {
      const invoices = await invoicesIn(aside);
      expect(invoices).toHaveLength(3_000);
      expect(invoices[0]).toBe('b');
    });
    expect(found.err).toContain('The database ada was called bob when that backup was taken');
    expect(found.code).toBe(0);
  });

  test('without a moment has all until now', async () => {
    const sixth = await world.invoice('ada', 'INV/6');
    const found = await back(['--compare'], async (aside, to) => {
      expect((await invoicesIn(aside)).at(-1)).toBe('INV/6');
      expect(await filesIn(to)).toContain(sixth);
    });
    expect(found.out).toContain('difference 0 rows of now aren’t there then, 0 of then aren’t there now');
    expect(found.out).toMatch(/The log in the repository goes up to \d{4}-/);
  });

  describe('with a file that isn’t as it has to be', () => {
    let [lost, other] = ['', ''];
    let at: string;
    beforeAll(async () => {
      await world.backUp();
      lost = await world.invoice('ada', 'INV/LOST');
      other = await world.invoice('ada', 'INV/OTHER');
      at = await now();
    });

    test('is refused by its name, with what would help, and nothing is left', async () => {
      await rename(world.live('ada', lost), `${world.live('ada', lost)}.away`);
      const flipped = await readFile(world.live('ada', other));
      flipped[3]! ^= 1;
      await writeFile(world.live('ada', other), flipped);
      const found = await back(['--at', at]);
      expect(found.code).toBe(1);
      expect(found.err).toContain('2 can’t be had: ');
      expect(found.err).toContain(`${lost} (missing, 24 bytes)`);
      expect(found.err).toContain(`${other} (in the live filestore its content isn’t what its name says`);
      expect(found.err).toContain('--identity FILE, which opens restore points in the vault');
      await nothingLeft(found);
    });

    test('comes back without exactly as many as a person said, each of which is named', async () => {
      const found = await back(['--at', at, '--lacking', '2'], async (_, to) => {
        const files = await filesIn(to);
        expect(files).not.toContain(lost);
        expect(files).not.toContain(other);
      });
      expect(found.out).toMatch(new RegExp(`LACKING +${lost}: missing, 24 bytes`));
      expect(found.code).toBe(0);
    });

    test('has it out of a restore point that is kept here, and out of the vault', async () => {
      const damaged = await readFile(world.live('ada', other));
      await rename(`${world.live('ada', lost)}.away`, world.live('ada', lost));
      await writeFile(world.live('ada', other), 'the contract of INV/OTHER');
      const id = await world.point();
      await rm(world.live('ada', lost));
      await writeFile(world.live('ada', other), damaged);
      const right = async (_: Cluster, to: string): Promise<void> => {
        expect(await readFile(join(to, 'filestore', lost), 'utf8')).toBe('the contract of INV/LOST');
        expect(await readFile(join(to, 'filestore', other), 'utf8')).toBe('the contract of INV/OTHER');
        expect((await readdir(to)).toSorted()).toEqual(['cluster', 'filestore', 'recovered.json']);
      };
      const here = await back(['--at', at], right);
      expect(here.out).toContain(`2 from the restore point ${id}`);
      expect(here.out).toMatch(new RegExp(`NOT RIGHT +${other}: in the live filestore`));
      await rm(join(world.stores.dir, 'ada', 'restore-points'), { recursive: true });
      const vault = await back(['--at', at, '--identity', world.identityFile], right);
      expect(vault.out).toContain(`2 from the restore point ${id} in the vault`);
    });

    test('comes back where nothing is left of its machine: out of the repository and the vault alone', async () => {
      const gone = ['pg', 'odoo-data', 'cell'].map((name) => join(world.dir, name));
      await world.server.cluster.stop();
      for (const each of gone) await rename(each, `${each}.gone`);
      try {
        const found = await back(['--at', at, '--identity', world.identityFile], async (aside, to) => {
          expect(await invoicesIn(aside)).toContain('INV/OTHER');
          expect(await readFile(join(to, 'filestore', other), 'utf8')).toBe('the contract of INV/OTHER');
        });
        expect(found.out).toContain('Nobody knows here up to when the log lies in the repository');
        expect(found.out).toMatch(/; 8 from the restore point rp-\S+ in the vault\n/);
        expect(found.code).toBe(0);
      } finally {
        for (const each of gone) {
          await rm(each, { recursive: true, force: true });
          await rename(`${each}.gone`, each);
        }
        await world.server.cluster.start();
      }
    });

    test('is refused where a row says another size, or names a file outside', async () => {
      await world.query('ada', 'update ir_attachment set file_size = 7 where store_fname = $1', [first]);
      await world.query('ada', `insert into ir_attachment values ('../../passphrase', null, null)`);
      const found = await back(['--identity', world.identityFile]);
      expect(found.err).toContain(`${first} (in the live filestore it has 21 bytes, and its row says 7`);
      expect(found.err).toContain('../../passphrase (its row names no file of Odoo’s filestore)');
      expect(found.code).toBe(1);
    });
  });

  test('whose log lacks a piece is refused, and the agent’s round names the piece', async () => {
    const before = (await world.round()).reach.last;
    await world.invoice('ada', 'INV/8');
    const { gap, reach } = await world.round();
    expect(gap).toBeUndefined();
    expect(reach.last > before).toBe(true);
    const log = join(world.repositoryDir, 'archive', 'erp');
    const names = await readdir(log, { recursive: true });
    const piece = names.find((name) => name.includes(`/${reach.last}-`))!;
    await rm(join(log, piece));
    await world.invoice('ada', 'INV/9');
    expect((await world.round()).gap).toContain(`the segment ${reach.last} isn’t in the repository`);
    const found = await back([]);
    expect(found).toMatchObject({ code: 1, err: expect.stringContaining('a piece of it is missing') });
    await nothingLeft(found);
    // With the next backup it goes on.
    await world.backUp();
    expect((await world.round()).gap).toBeUndefined();
  });

  test('of a cell whose log nobody keeps is refused, with what would keep it', async () => {
    const { pgbackrest, ...postgresql } = world.config.postgresql;
    expect(pgbackrest?.stanza).toBe('erp');
    await world.configure({ ...world.config, postgresql });
    const found = await back([]);
    expect(found).toMatchObject({ code: 1, err: expect.stringContaining('postgresql.pgbackrest of the cell') });
    await world.configure(world.config);
    const other = await world.asked(recover, '--store', 'eve', '--to', join(world.dir, 'eve'));
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('erp has no store eve: it has ada, bob') });
  });
});
