/** `headgate-agent recover-tenant …`, as people type it: from a store that was recovered to one tenant that is back. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrilledWorld } from '@headgate/adapters/execution/drill/testing/drilled-world';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RecoveredTenants, recoveredTenants } from '../testing/recovered-tenants.ts';
import { typed } from '../testing/typed.ts';
import { untoldFacts } from '../testing/untold-facts.ts';
import { recoverTenant } from './recover-tenant.ts';

let all: RecoveredTenants;
let world: DrilledWorld;
let dir: string;
let recovered: string;

beforeAll(async () => {
  all = await recoveredTenants({
    tables: `
      create table customer(id int primary key, tenant text not null, name text);
      create table invoice(id int primary key, customer_id int not null references customer(id), total numeric(10,2) not null);
      create table rate(code text primary key, value numeric);
      insert into customer values (1, 'ada', 'Acme'), (2, 'ada', 'Bolt'), (11, 'bob', 'Crane');
      insert into invoice values (100, 1, 10.50), (101, 2, 20), (111, 11, 5); insert into rate values ('EUR', 1)`,
    before: `insert into invoice values (102, 1, 7.25)`,
    after: `
      delete from invoice where id = 102; update invoice set total = 99 where id in (101, 111);
      insert into customer values (3, 'ada', 'New'), (12, 'bob', 'New too'); insert into invoice values (103, 3, 1), (112, 12, 2)`,
  });
  ({ world, dir, recovered } = all);
}, 120_000);
afterAll(() => all?.close());

const asked = (command: string, ...args: string[]) => all.asked(command, ...args);
const compared = (...args: string[]) => all.compared(...args);
/** Where one is there it stays, so each is given anew. */
const approve: RecoveredTenants['approve'] = async (file, key, by, out, ...more) => {
  await rm(out, { force: true });
  return all.approve(file, key, by, out, ...more);
};
const rowsOf = (tenant: string) =>
  world.query(
    `select i.id, i.total::text, c.name from invoice i join customer c on c.id = i.customer_id where tenant = '${tenant}' order by 1`,
  );

test('wrong usage is said, with what each takes', async () => {
  for (const [args, why] of [
    [[], /it is scan, diff, apply or hold/],
    [
      ['hold', '--config', 'x', '--store', 'main', '--tenant', 'ada', '--minutes', '721'],
      /--minutes takes a number from 1 to 720/,
    ],
    [['differ'], /not differ/],
    [['diff'], /diff needs --config, --store, --tenant, --rules, --recovered, --as/],
    [['apply', '--config', 'x', '--as', 'y'], /apply takes one file/],
    [['scan', '--config', 'x', '--store', 'main', '--json'], /scan takes no --json/],
    [['diff', '--no'], /--no/],
  ] as const)
    expect(await typed(recoverTenant, args), args.join(' ')).toMatchObject({
      code: 2,
      err: expect.stringMatching(why),
    });
  expect(await typed(recoverTenant, ['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('FILE.undo') });
});

test('from a scan to a tenant that is back, approved by somebody else, and back again', {
  timeout: 120_000,
}, async () => {
  const rules = join(dir, 'rules.yaml');
  expect(await asked('scan', '--store', 'main', '--out', rules)).toMatchObject({ code: 0 });
  expect(await asked('scan', '--store', 'main', '--out', rules)).toMatchObject({
    code: 1,
    err: expect.stringContaining('rules.yaml is there already, and nothing is written over it'),
  });
  expect(await readFile(rules, 'utf8')).toContain(
    '# sure: the foreign key invoice_customer_id_fkey leads there\n    - {table: public.invoice, rows: through, by: [customer_id], of: public.customer}',
  );
  expect(await compared('--tenant', 'ada')).toMatchObject({ code: 2, err: expect.stringContaining('diff needs --as') });
  for (const strange of ['usr_nobody', 'release-team', 'ci'])
    expect(await compared('--tenant', 'ada', '--as', strange)).toMatchObject({
      code: 1,
      err: expect.stringContaining(
        `--as: the agent’s trust file knows nobody of the id ${strange}; it lists usr_approver, usr_maker and usr_run.`,
      ),
    });
  expect(await compared('--tenant', 'eve', '--as', 'usr_maker')).toMatchObject({
    code: 1,
    err: expect.stringContaining('has no tenant eve; it has ada and bob'),
  });
  const { out: shown, code } = await compared('--tenant', 'ada', '--as', 'usr_maker');
  expect(code).toBe(0);
  for (const words of [
    /made {8}by usr_maker, 20/,
    /ada of the store main, cell shared \(production\): back to 20[-\d]+T[\d:.]+Z \(last commit 20/,
    /public\.customer: 3 → 2 rows\n {2}1 written since, would be lost\n {4}id 3, name New, tenant ada/,
    /public\.invoice: 3 → 3 rows/,
    /1 deleted since, come back\n {4}id 102, customer_id 1, total 7\.25/,
    /1 change: total in 1\n {4}id 101, total 99\.00 → 20\.00/,
    /sum of total: 110\.50 → 37\.75/,
    /4 rows in 2 tables: 2 written since would be lost, 1 come back, 1 change\./,
  ])
    expect(shown).toMatch(words);
  expect(shown).not.toMatch(/bob|Crane/);
  const own = join(dir, 'data', 'tenant-recoveries');
  expect((await stat(own)).mode & 0o777).toBe(0o700);
  const file = join(own, (await readdir(own))[0]!);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const bob = await rowsOf('bob');

  // Nobody's yes, a stranger's, the maker's and the applier's own, and one of another difference.
  const yes = join(dir, 'yes.json');
  const apply = (...more: string[]) => asked('apply', file, '--as', 'usr_run', ...more);
  expect(await apply()).toMatchObject({
    code: 1,
    err: expect.stringMatching(/takes one person’s approval.*none was given/),
  });
  await approve(file, 'stranger.pem', 'usr_approver', yes, '--yes');
  expect(await apply('--approval', yes)).toMatchObject({ code: 1 });
  expect(await approve(file, 'approver.pem', 'usr_maker', yes, '--yes')).toMatchObject({
    code: 1,
    err: expect.stringContaining('usr_maker made it: it takes another person’s yes'),
  });
  const asking = await approve(file, 'approver.pem', 'usr_approver', yes);
  expect(asking).toMatchObject({ code: 2, err: expect.stringContaining('nobody can be asked here') });
  // The first line alone is enough for somebody who isn't to see rows.
  const [first] = (await readFile(file, 'utf8')).split('\n');
  await writeFile(join(dir, 'first-line'), first!);
  const signed = await approve('first-line', 'approver.pem', 'usr_approver', yes, '--yes');
  expect(signed).toMatchObject({ code: 0, out: expect.stringContaining('the first line alone') });
  expect(signed.out).not.toMatch(/Acme|7\.25/);
  const before = await readFile(yes, 'utf8');
  expect(await all.approve('first-line', 'approver.pem', 'usr_approver', yes, '--yes')).toMatchObject({
    code: 1,
    err: expect.stringContaining(`${yes} is there already, and nothing is written over it`),
  });
  expect(await readFile(yes, 'utf8')).toBe(before);
  expect(await asked('apply', file, '--as', 'usr_approver', '--approval', yes)).toMatchObject({
    code: 1,
    err: expect.stringContaining('is of who applies it'),
  });
  expect(await asked('apply', file, '--as', 'usr_other', '--approval', yes)).toMatchObject({
    code: 1,
    err: expect.stringContaining('knows nobody of the id usr_other'),
  });
  // Made by nobody whom the trust lists: who that was might be who approves.
  const text = await readFile(file, 'utf8');
  await writeFile(join(dir, 'unknown'), text.replace('"by":"usr_maker"', '"by":"usr_x"'), { mode: 0o600 });
  expect(await asked('apply', join(dir, 'unknown'), '--as', 'usr_run', '--approval', yes)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/who made .*unknown: .* nobody of the id usr_x/),
  });
  expect(await rowsOf('ada')).toHaveLength(3);

  const done = await apply('--approval', yes);
  expect(done).toMatchObject({
    code: 0,
    out: expect.stringMatching(/ada is back at .*: 1 row came back, 2 taken away, 1 changed/),
  });
  expect(await rowsOf('ada')).toEqual([
    { id: 100, total: '10.50', name: 'Acme' },
    { id: 101, total: '20.00', name: 'Bolt' },
    { id: 102, total: '7.25', name: 'Acme' },
  ]);
  expect(await rowsOf('bob')).toEqual(bob);
  const statement = JSON.parse(await readFile(`${file}.applied.json`, 'utf8'));
  const said = Buffer.from(statement.dsseEnvelope.payload, 'base64').toString();
  expect(JSON.parse(said)).toMatchObject({
    predicate: { tenant: 'ada', by: 'usr_run', approval: { by: 'usr_approver' } },
  });
  expect(said).not.toMatch(/Acme|7\.25/);
  expect(await apply('--approval', yes, '--json')).toMatchObject({
    code: 0,
    out: expect.stringContaining('"already":true'),
  });
  // The log hears of it once, also where a kill came between the commit and the telling: the same words again.
  const [beside, tenant, again] = await untoldFacts(join(dir, 'data'));
  expect(beside).toMatchObject({ kind: 'beside', tenants: ['ada', 'bob'], approvals: [], result: 'done' });
  expect(tenant).toMatchObject({
    ...{ kind: 'tenant', tenants: ['ada'], tenantCount: 1, by: 'usr_run', approvals: [{ by: 'usr_approver' }] },
    ...{ rows: { back: 1, away: 2, changed: 1 }, stores: [{ store: 'main' }], result: 'done' },
  });
  expect(again).toEqual(tenant);
  expect(JSON.stringify(tenant)).not.toMatch(/Acme|7\.25|bob/);

  // What takes it back is approved for itself.
  expect(await asked('apply', `${file}.undo`, '--as', 'usr_run', '--approval', yes)).toMatchObject({
    code: 1,
    err: expect.stringContaining('is of another difference'),
  });
  expect((await approve(`${file}.undo`, 'approver.pem', 'usr_approver', yes, '--yes')).out).toContain('takes back');
  expect(await asked('apply', `${file}.undo`, '--as', 'usr_run', '--approval', yes)).toMatchObject({ code: 0 });
  expect((await rowsOf('ada')).map(({ id }) => id)).toEqual([100, 101, 103]);
  expect(await rowsOf('bob')).toEqual(bob);

  // One approval is for one time; and a statement that a kill after the commit kept from being written is written then.
  await approve(file, 'approver.pem', 'usr_approver', yes, '--yes');
  await rm(`${file}.applied.json`);
  expect(await apply('--approval', yes)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/was applied at 20.*one approval is for one time/),
  });
  expect(JSON.parse(await readFile(`${file}.applied.json`, 'utf8')).dsseEnvelope.payload).toBe(
    statement.dsseEnvelope.payload,
  );
  expect((await rowsOf('ada')).map(({ id }) => id)).toEqual([100, 101, 103]);
});

test('a rule that can’t hold is told with its line, and a table that no rule names with its name', async () => {
  const rules = await readFile(join(dir, 'rules.yaml'), 'utf8');
  try {
    await writeFile(join(dir, 'rules.yaml'), rules.replace('by: [customer_id]', 'by: [id]').replace(/.*rate.*\n/, ''));
    const told = await compared('--tenant', 'ada', '--as', 'usr_maker');
    expect(told).toMatchObject({ code: 1, err: expect.stringContaining('no rule names the table public.rate') });
    expect(told.err).toMatch(
      /rules\.yaml:\d+:\d+: .*no foreign key leads from public\.invoice \(id\) to public\.customer/,
    );
  } finally {
    await writeFile(join(dir, 'rules.yaml'), rules);
  }
});

test('where documents are pinned, a difference is by those rules, and they are brought to apply it', async () => {
  const rules = join(dir, 'rules.yaml');
  const config = join(dir, 'agent.yaml');
  const [plain, text] = [await readFile(config, 'utf8'), await readFile(rules, 'utf8')];
  const pinned = (digest: string) =>
    writeFile(config, plain.replace('{name: production}', `{name: production, documents: ["${digest}"]}`));
  const file = join(dir, 'pinned.difference');
  try {
    await pinned(`sha256:${'0'.repeat(64)}`);
    const refused = await compared('--tenant', 'ada', '--as', 'usr_maker', '--out', file);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining('nobody pinned the TenantRows tenant-rows'),
    });
    await pinned(/\((sha256:[0-9a-f]{64})\)/.exec(refused.err)![1]!);
    expect(await compared('--tenant', 'ada', '--as', 'usr_maker', '--out', file)).toMatchObject({ code: 0 });
    const yes = join(dir, 'pinned-yes.json');
    await approve(file, 'approver.pem', 'usr_approver', yes, '--yes');
    const apply = (...more: string[]) => asked('apply', file, '--as', 'usr_run', '--approval', yes, ...more);
    expect(await apply()).toMatchObject({ code: 1, err: expect.stringContaining('give the file with the rules') });
    await writeFile(rules, text.replace('rows: shared}', 'rows: shared} # read'));
    expect(await apply('--rules', rules)).toMatchObject({ code: 0, out: expect.stringContaining('ada is back') });
    await writeFile(rules, text.replace('tenant-rows', 'tenant-rows-2'));
    expect(await apply('--rules', rules)).toMatchObject({ code: 1, err: expect.stringContaining('nobody pinned') });
  } finally {
    await writeFile(config, plain);
    await writeFile(rules, text);
  }
});

test('a folder without a recovered store, and one of another store, are told apart', async () => {
  const none = ['--as', 'usr_maker', '--store', 'main', '--tenant', 'ada', '--rules', join(dir, 'rules.yaml')];
  expect(await asked('diff', ...none, '--recovered', dir)).toMatchObject({
    code: 1,
    err: expect.stringContaining('has no store that was recovered'),
  });
  const said = join(recovered, 'recovered.json');
  const text = await readFile(said, 'utf8');
  await writeFile(said, text.replace('"store":"main"', '"store":"other"'));
  expect(await compared('--tenant', 'ada', '--as', 'usr_maker')).toMatchObject({
    code: 1,
    err: expect.stringContaining('has the store other of the cell shared (production), and not main of shared'),
  });
  await writeFile(said, text);
  await rm(join(dir, 'first-line'), { force: true });
});
