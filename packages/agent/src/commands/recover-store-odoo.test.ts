/** A tenant of Odoo goes back in its own place by a decision: its database and its files, out of a real pgBackRest's repository. No Odoo serves it here. */
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { beginSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { RouterClient } from '@headgate/adapters/execution/router/router-client';
import { endRunning } from '@headgate/adapters/execution/running-cell';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPostmaster } from '@headgate/adapters/postgres-cluster/postmaster';
import { digestOfJson } from '@headgate/documents';
import { digestFor, manifestOf } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyKilledAt, approveInPlace, listedPerson } from '../recover-store/testing/people.ts';
import { type LoggedTenants, loggedTenants } from '../testing/logged-tenants.ts';
import { type Typed, typed } from '../testing/typed.ts';
import { untoldFacts } from '../testing/untold-facts.ts';
import { recoverStore } from './recover-store.ts';

const missing = await pgbackrestMissing();
const FENCE = { epoch: 1, n: 1_000 };

interface Proposed extends Typed {
  readonly to: string;
  readonly file: string;
}

// A recovery takes seconds, and a busy machine's many.
describe.skipIf(missing !== undefined)('a tenant of Odoo', { timeout: 180_000 }, () => {
  let world: LoggedTenants;
  let tried = 0;
  const beside: string[] = [];
  const at = (...path: string[]): string => join(world.dir, ...path);

  beforeAll(async () => {
    world = await loggedTenants();
    const people = ['usr_maker', 'usr_run', 'usr_approver'].map((id) => listedPerson(id, at(`${id}.pem`)));
    const trust = await readFile(at('trust.yaml'), 'utf8');
    await writeFile(at('trust.yaml'), trust.replace('  log:', `${people.join('')}  log:`));
    await mkdir(at('data'), { mode: 0o700 });
    await writeFile(at('data', 'high-water.json'), JSON.stringify({ epoch: 1, cells: { erp: FENCE }, plans: {} }));
    await world.query(
      'ada',
      `set role odoo; create table bus_bus(id serial, message text);
       create table orm_signaling_registry(id serial primary key, date timestamp default now());
       insert into orm_signaling_registry default values;
       create table priced(state varchar check (state in ('draft', 'done')), n serial)`,
    );
    // Nobody serves it here, so somebody holds it before, and it isn't opened.
    await (await openOdooCell(world.config)).close();
    const { adminPort, tokenFile } = world.config.router;
    expect(await new RouterClient(adminPort, tokenFile).change(FENCE, {}, { ada: true })).toEqual({ ok: true });
    await world.backUp();
  });
  afterAll(async () => {
    if (world === undefined) return;
    for (const to of beside)
      await new Cluster({ dir: join(to, 'cluster'), port: 1 }, world.server.cluster.programs).stop(0);
    await endRunning({ ...world.config, drainMs: 0 }, () => {});
    await world.remove();
  });

  const asked = (...args: string[]): Promise<Typed> =>
    typed(recoverStore, [...args, '--config', at('agent.yaml')], /correct horse/);
  const proposed = async (...more: string[]): Promise<Proposed> => {
    const [to, file] = [at(`back-${++tried}`), at(`${tried}.proposal`)];
    beside.push(to);
    const what = ['--store', 'ada', '--as', 'usr_maker', '--because', 'an import went wrong', '--to', to];
    return { to, file, ...(await asked('propose', ...what, '--out', file, ...more)) };
  };
  const approved = async (file: string): Promise<string> => {
    const yes = at(`yes-${++tried}.json`);
    await approveInPlace(file, 'usr_approver', at('usr_approver.pem'), yes);
    return yes;
  };
  const apply = async (file: string): Promise<Typed> =>
    asked('apply', file, '--as', 'usr_run', '--approval', await approved(file));
  const invoices = async (tenant = 'ada'): Promise<unknown[]> =>
    (await world.query(tenant, 'select name from account_move order by name')).map(({ name }) => name);
  const now = async (): Promise<string> => {
    const [row] = await world.query(
      'ada',
      `select to_char(clock_timestamp() at time zone 'utc' + interval '1 ms', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, pg_sleep(0.01)`,
    );
    return String(row!.at);
  };
  const standing = (): Promise<string[]> => readdir(at('data', 'store-recoveries')).catch(() => []);

  test('goes back, database and files, killed where it is replaced; its neighbour keeps what it wrote meanwhile', async () => {
    const first = await world.invoice('ada', 'INV/1');
    const moment = await now();
    const second = await world.invoice('ada', 'INV/2');
    await world.query('ada', `insert into priced(state) values ('draft')`);
    const proposal = await proposed('--at', moment);
    expect(proposal).toMatchObject({ code: 0, out: expect.stringContaining('goes back IN PLACE, to') });
    expect(proposal.out).toContain('public.account_move: 2 → 1 rows\n  1 row lost or otherwise, 0 rows back');
    expect(proposal.out).toMatch(/files +1, 21 B: they come back with it/);
    expect(proposal.out).toMatch(/not counted +public\.bus_bus, public\.orm_signaling_registry: Odoo writes there/);
    expect(proposal.out).toContain('sequence public.priced_n_seq: next 2 → next 1');
    // A job of Odoo's, and a neighbour's business.
    await world.query('ada', `insert into bus_bus(message) values ('by itself')`);
    await world.invoice('bob', 'BOB/1');
    const yes = await approved(proposal.file);
    const killed = { agentFile: at('agent.yaml'), file: proposal.file, yes };
    await applyKilledAt('ada is held', { ...killed, afterMs: 200 });
    expect(await standing()).toEqual(['erp.ada.json']);
    await applyKilledAt('The store is replaced', { ...killed, afterMs: 1_500 });
    await world.invoice('bob', 'BOB/2');
    const done = await asked('apply', proposal.file, '--as', 'usr_run', '--approval', yes);
    expect(done, done.err).toMatchObject({
      code: 0,
      out: expect.stringContaining('The store ada is back in its place'),
    });
    expect(await invoices()).toEqual(['INV/1']);
    expect(await readFile(world.live('ada', first), 'utf8')).toBe('the contract of INV/1');
    expect(await stat(world.live('ada', second)).catch(() => undefined)).toBeUndefined();
    await world.query('postgres', 'alter database ada__before allow_connections true');
    expect(await invoices('ada__before')).toEqual(['INV/1', 'INV/2']);
    expect(await invoices('bob')).toEqual(['BOB/1', 'BOB/2']);
    // What Odoo's processes compare with what they saw last is beyond all that either database ever had.
    const [{ last } = {}] = await world.query('ada', 'select max(id) as last from orm_signaling_registry');
    expect(last).toBe(1_001);
    expect(await standing()).toEqual([]);
    expect((await untoldFacts(at('data'))).at(-1)).toMatchObject({
      ...{ kind: 'in-place', by: 'usr_run', approvals: [{ by: 'usr_approver' }], tenants: ['ada'], result: 'done' },
      ...{ rows: { back: 0, away: 3, changed: 0 }, stores: [{ store: 'ada', schemaVersion: 1 }] },
    });
    expect((await readdir(proposal.to)).toSorted()).toEqual(['cluster', 'filestore', 'headgate', 'recovered.json']);
    const again = await asked('apply', proposal.file, '--as', 'usr_run', '--approval', yes);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('another one than was compared') });
    expect(again.err).toContain('nobody was held');
  });

  describe('whose proposal', () => {
    let proposal: Proposed;
    beforeAll(async () => {
      const moment = await now();
      await world.invoice('ada', 'INV/3');
      proposal = await proposed('--at', moment);
    });

    test('shows anything else than is counted is refused before anybody is held', async () => {
      const text = await readFile(proposal.file, 'utf8');
      const dressed: readonly (readonly [string, string, RegExp])[] = [
        ['"files":1,"lacking"', '"files":2,"lacking"', /counted: its files, or tables that aren’t counted/],
        ['"public.bus_bus",', '', /its files, or tables that aren’t counted/],
        ['"lost":1', '"lost":0', /public\.account_move \(it shows 0 lost/],
      ];
      for (const [shown, other, words] of dressed) {
        expect(text).toContain(shown);
        const file = at(`dressed-${++tried}.proposal`);
        await writeFile(file, text.replace(shown, other));
        const told = await apply(file);
        expect(told, shown).toMatchObject({ code: 1, err: expect.stringMatching(words) });
        expect(told.err).toContain('nobody was held');
      }
    });

    test('was made before somebody wrote is refused, and before a file that was laid out was changed, by its name', async () => {
      const laid = await readdir(join(proposal.to, 'filestore'), { recursive: true });
      const file = laid.find((name) => name.includes('/'))!;
      const path = join(proposal.to, 'filestore', file);
      const right = await readFile(path);
      await writeFile(path, 'something else');
      const flipped = await apply(proposal.file);
      expect(flipped).toMatchObject({
        code: 1,
        err: expect.stringContaining(`1 aren’t what they have to be: ${file} (in`),
      });
      await writeFile(path, right);
      await world.query('ada', `update account_move set filler = 'late' where name = 'INV/1'`);
      const late = await apply(proposal.file);
      expect(late.err).toMatch(/written to after what would be lost was counted \(rows\).*nobody was held/s);
      expect(await invoices()).toEqual(['INV/1', 'INV/3']);
    });
  });

  test('goes back without exactly the files that a person said, each of which is named', async () => {
    const lost = await world.invoice('ada', 'INV/LOST');
    await rename(world.live('ada', lost), at('lost'));
    const moment = await now();
    await world.invoice('ada', 'INV/4');
    const refused = await proposed('--at', moment);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining(`1 can’t be had: ${lost} (missing, 24 bytes)`),
    });
    const proposal = await proposed('--at', moment, '--lacking', '1');
    expect(proposal.out).toContain(`LACKING                   ${lost}: nobody has it`);
    const done = await apply(proposal.file);
    expect(done, done.err).toMatchObject({ code: 0, out: expect.stringContaining('without 1 that nobody has') });
    expect(await invoices()).toEqual(['INV/1', 'INV/3', 'INV/LOST']);
    await mkdir(dirname(world.live('ada', lost)), { recursive: true });
    await rename(at('lost'), world.live('ada', lost));
  });

  test('whose upgrade was half way then, or whose modules nobody knows, is refused, and nothing is left of it', async () => {
    await world.query('ada', `update ir_module_module set latest_version = '19.0.9.9.9'`);
    const moment = await now();
    await world.query('ada', `update ir_module_module set latest_version = '19.0.1.0.1'`);
    const refused = await proposed('--at', moment);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringMatching(/which release runs on ada as it was then: .*19\.0\.9\.9\.9/),
    });
    expect(await stat(refused.to).catch(() => undefined)).toBeUndefined();
  });

  test('what was brought back and changed afterwards is refused', async () => {
    const proposal = await proposed('--at', await now());
    const port = (await findPostmaster(join(proposal.to, 'cluster', 'data')))!.port;
    const { programs } = world.server.cluster;
    const aside = new Cluster({ dir: join(proposal.to, 'cluster'), port }, programs);
    await withClient(await aside.connection('ada'), (client) =>
      client.query(`insert into account_move values ('INV/MORE')`),
    );
    const told = await apply(proposal.file);
    expect(told).toMatchObject({ code: 1, err: expect.stringMatching(/was changed since it was compared \(rows\)/) });
  });

  test('where what stands then isn’t right, what stood before comes back; for another schema nobody is held', async () => {
    await world.invoice('ada', 'INV/5');
    const proposal = await proposed('--at', await now());
    const before = await invoices();
    const dir = slotDir(world.config.dir, 'blue');
    const files = [{ name: 'a', digest: digestFor('a'), size: 1 }];
    const manifest = manifestOf('2.0.0', {
      schemaRange: { min: 2, max: 2 },
      components: [{ name: 'web', role: 'web', recovery: 'stateless', command: ['odoo'], healthPath: '/', files }],
    });
    const release = { digest: digestOfJson(manifest), version: '2.0.0' };
    await mkdir(dir, { recursive: true });
    await beginSlot(dir, release, manifest);
    const { adminPort, tokenFile } = world.config.router;
    await new RouterClient(adminPort, tokenFile).change(FENCE, { ada: { blue: 100 } });
    const unfit = await apply(proposal.file);
    expect(unfit).toMatchObject({
      code: 1,
      err: expect.stringMatching(/schema-unfit.*2\.0\.0 in blue \(schema 2 to 2\) can’t run on schema 1/),
    });
    // A slot of which nobody can say for what it is, and that doesn't serve.
    await beginSlot(dir, { ...release, digest: digestFor('other') }, manifest);
    const [{ last: told } = {}] = await world.query('ada', 'select max(id) as last from orm_signaling_registry');
    const back = await apply(proposal.file);
    expect(back).toMatchObject({ code: 1, out: expect.stringContaining('It was NOT put back: slot blue: ') });
    expect(back.out).toContain('What stood before stands again');
    expect(await invoices()).toEqual(before);
    const [{ last } = {}] = await world.query('ada', 'select max(id) as last from orm_signaling_registry');
    expect(last).toBe(Number(told) + 2_000);
    expect((await untoldFacts(at('data'))).at(-1)).toMatchObject({ kind: 'in-place', result: 'taken-back' });
  });
});
