/** `headgate-agent recover-store …`, as people type it: a store that serves tenants goes back in its own place, by a decision. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import { beginSlot, slotDir } from '@headgate/adapters/execution/process/slot-record';
import { beforeRollout } from '@headgate/adapters/execution/restore-points/mark';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { canonicalJson, digestOf, signingKey, signProposalApproval } from '@headgate/documents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LostCell } from '../dr/testing/lost-cell.ts';
import { type PlacedCell, placedCell } from '../recover-store/testing/placed-cell.ts';
import { restingPromotion, ScriptedServer } from '../testing/scripted-server.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { typed } from '../testing/typed.ts';
import { untoldFacts } from '../testing/untold-facts.ts';
import { recoverStore } from './recover-store.ts';

let world: PlacedCell;
let cell: LostCell;
/** After the proposal was made, and before it was applied. */
let between = '';

beforeAll(async () => {
  world = await placedCell();
  cell = world.cell;
}, 240_000);
afterAll(() => world?.remove());

const at: PlacedCell['at'] = (...path) => world.at(...path);
const asked: PlacedCell['asked'] = (...args) => world.asked(...args);
const rows = () => world.rows();
const now = () => world.now();
const proposed: PlacedCell['proposed'] = (...args) => world.proposed(...args);
const proposalFile = (name: string): string => world.proposalFile(name);
const approve: PlacedCell['approve'] = (...args) => world.approve(...args);
const answers: PlacedCell['answers'] = (tenant) => world.answers(tenant);
const inCopy: PlacedCell['inCopy'] = (...args) => world.inCopy(...args);

/** A yes that `approve` doesn't sign, by a person's own key. */
async function signed(text: string, by: string): Promise<string> {
  const yes = at(`signed-${by}.json`);
  const facts = {
    proposal: digestOf(text.replace(/\n$/, '')),
    by,
    at: Date.now() - 1_000,
    notAfter: Date.now() + 60_000,
  };
  await writeFile(
    yes,
    JSON.stringify(signProposalApproval(facts, signingKey(await readFile(at(`${by}.pem`), 'utf8')))),
  );
  return yes;
}

test('wrong usage is said, with what each takes', async () => {
  for (const [args, why] of [
    [[], /it is propose or apply/],
    [['diff'], /not diff/],
    [['propose'], /propose needs --config, --store, --as, --because, --to/],
    [['apply', '--config', 'x', '--as', 'y'], /apply takes one file/],
    [['apply', 'x', '--config', 'x', '--as', 'y', '--at', 'z'], /apply takes no --at/],
    [['propose', '--no'], /--no/],
  ] as const)
    expect(await typed(recoverStore, [...args]), args.join(' ')).toMatchObject({
      code: 2,
      err: expect.stringMatching(why),
    });
  const nobody = await asked('propose', '--store', 'main', '--as', 'usr_x', '--because', 'why', '--to', at('nowhere'));
  expect(nobody).toMatchObject({ code: 1, err: expect.stringContaining('knows nobody of the id usr_x') });
});

test('from a proposal to a store that is back to the transaction, killed at each stage on the way', {
  timeout: 400_000,
}, async () => {
  await cell.query('main', `insert into entry values (5000, 'kept')`);
  const then = await rows();
  const moment = await now();
  const [first] = await cell.query('main', `insert into entry values (5001, 'secret') returning xmin::text as xid`);
  await cell.query('main', `update entry set note = 'wrong' where n = 1; delete from entry where n = 2`);
  await cell.query('main', `insert into entry values (5002, 'later')`);
  await cell.ship();
  const { code, out: shown, err, to } = await proposed('first', '--at', moment);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  for (const words of [
    /The store main of the cell shared \(production\) goes back IN PLACE, to 20/,
    /of every tenant in it: ada and bob\./,
    // Counted row by row: as many as before with another value in one is a loss, too.
    /public\.entry: 3,002 → 3,001 rows\n {2}3 rows lost or otherwise, 2 rows back/,
    new RegExp(`first transaction lost {4}${first?.xid}, 20`),
    /newest transaction kept {3}20/,
    /schema {20}0 now, 0 then/,
    /serves {20}1\.4\.0 in green, for schema 0 to 3\n/,
    /files {21}attachments: they stay as they are now/,
    /because {5}an import went wrong\nproposed {4}by usr_maker/,
  ])
    expect(shown).toMatch(words);
  const text = await readFile(proposalFile('first'), 'utf8');
  expect(text).not.toMatch(/secret|wrong'/);

  // Nobody's yes, a stranger's, the proposer's and the applier's own, and one of another proposal.
  const proposal = proposalFile('first');
  const apply = (...more: string[]) => asked('apply', proposal, '--as', 'usr_run', ...more);
  const refusedWith = (words: RegExp) => ({ code: 1, err: expect.stringMatching(words) });
  expect(await apply()).toMatchObject(refusedWith(/takes one person’s approval.*none was given/));
  expect(await apply('--approval', await approve(proposal, 'usr_approver', 'stranger'))).toMatchObject({ code: 1 });
  expect(await apply('--approval', await signed(text, 'usr_maker'))).toMatchObject(
    refusedWith(/is of who proposed it/),
  );
  expect(await apply('--approval', await approve(proposal, 'usr_run'))).toMatchObject(
    refusedWith(/is of who applies it/),
  );
  const yes = await approve(proposal, 'usr_approver');
  const forged = at('forged.proposal');
  await writeFile(forged, text.replace('"lost":3', '"lost":0'));
  expect(await asked('apply', forged, '--as', 'usr_run', '--approval', yes)).toMatchObject(
    refusedWith(/is of another proposal/),
  );
  await writeFile(forged, ` ${text}`);
  expect(await asked('apply', forged, '--as', 'usr_run', '--approval', yes)).toMatchObject(
    refusedWith(/not canonical/),
  );
  const hold = await holdCell(cell.config.dir);
  expect(await apply('--approval', yes)).toMatchObject(refusedWith(/held by another process[\s\S]*--agent-only/));
  await hold.release();
  // A promotion that rests holds nothing here, and only the server knows of it.
  const server = await ScriptedServer.start(sealedPlan());
  server.promotions = [restingPromotion('prm_8')];
  const asking = at('kept', 'asking.yaml');
  await writeFile(asking, (await readFile(cell.agentFile, 'utf8')).replace(/^server: .*$/m, `server: ${server.url}`));
  const told = await typed(recoverStore, [
    ...['apply', proposal, '--as', 'usr_run', '--approval', yes, '--ended', 'prm_8', '--config', asking],
  ]);
  await server.stop();
  expect(told).toMatchObject(refusedWith(/promotion prm_8 .* is open, paused, wave 1 of 2.*headgate rollback prm_8/));
  expect(told.err).not.toMatch(/held …/);

  // A row that was written since is nobody's to lose: all stays as it is, and everybody is served.
  const untouched = await rows();
  await cell.query('main', `insert into entry values (6000, 'since')`);
  const stood = await rows();
  expect(await apply('--approval', yes)).toMatchObject(
    refusedWith(/written to after what would be lost was counted.*nobody was held/),
  );
  expect(await rows()).toEqual(stood);
  expect([await answers('ada'), await answers('bob')]).toEqual([200, 200]);
  between = await now();
  await cell.query('main', 'delete from entry where n = 6000');
  await world.killedAt('are held', proposal, yes, 0);
  await cell.query('main', `insert into entry values (6000, 'since')`);
  expect(await apply('--approval', yes)).toMatchObject(
    refusedWith(/written to after what would be lost was counted.*are open again/),
  );
  expect([await answers('ada'), await answers('bob')]).toEqual([200, 200]);
  await cell.query('main', 'delete from entry where n = 6000');

  // Figures that were changed before somebody approved them: both stores are there, and say otherwise.
  const dressed: readonly (readonly [string, (text: string) => string, RegExp])[] = [
    [
      'rows',
      (text) => text.replace('"lost":3', '"lost":0').replace('"back":2', '"back":0').replace('3002', '3001'),
      /public\.entry \(it shows 0 lost and 0 back; counted: 3 lost and 2 back\)/,
    ],
    ['tables', (text) => text.replace(/"tables":\[.*?\}\]/, '"tables":[]'), /it shows no difference; counted: 3 lost/],
    ['moment', (text) => text.replace(/"moment":"[^"]*"/, '"moment":"yesterday"'), /counted: the moment\./],
    ['kept', (text) => text.replace(/"keptAt":\d+/, '"keptAt":1'), /counted: the newest transaction kept\./],
    ['first', (text) => text.replace(/"xid":"\d+"/, '"xid":"9"'), /counted: the first transaction lost\./],
  ];
  for (const [name, dress, words] of dressed) {
    const file = at(`dressed-${name}.proposal`);
    await writeFile(file, dress(text));
    const agreed = await approve(file, 'usr_approver');
    const told = await asked('apply', file, '--as', 'usr_run', '--approval', agreed);
    expect(told, name).toMatchObject(refusedWith(/figures-wrong|doesn’t show what is counted/));
    expect(told.err, name).toMatch(words);
    expect(told.err, name).not.toMatch(/held …/);
  }
  expect(await rows()).toEqual(untouched);

  // Killed at each stage: the store is either as it was or as it was then, and whoever calls it again goes on.
  const before = await rows();
  for (const [words, afterMs] of [
    ['are held', 0],
    ['is compared', 0],
    ['A restore point of what stands', 0],
    ['The store is replaced', 0],
    ['The store is replaced', 300],
    ['The store is replaced', 700],
    ['It is checked', 0],
  ] as const) {
    await world.killedAt(words, proposal, yes, afterMs);
    await cell.started('main');
    const stands = await rows();
    expect([before, then], `after ${words}`).toContainEqual(stands);
    // Said before it is done.
    expect(words === 'are held' ? [200, 503] : [503], `after ${words}`).toContain(await answers('ada'));
  }
  const done = await apply('--verification', at('kept', 'here.json'));
  expect(done, done.err).toMatchObject({
    code: 0,
    out: expect.stringMatching(/is back in its place at 20.*3 rows of before are gone, 2 came back/),
  });
  expect(await rows()).toEqual(then);
  expect([await answers('ada'), await answers('bob')]).toEqual([200, 200]);
  // What stood before is there, as a restore point and as the folder.
  const kept = /the folder (\S+)\. Remove/.exec(done.out)?.[1];
  expect((await stat(join(kept!, 'PG_VERSION'))).isFile()).toBe(true);
  expect((await untoldFacts(cell.dataDir)).at(-1)).toMatchObject({
    ...{ kind: 'in-place', by: 'usr_run', approvals: [{ by: 'usr_approver' }], because: 'an import went wrong' },
    ...{ tenants: ['ada', 'bob'], rows: { back: 2, away: 3, changed: 0 }, result: 'done' },
    stores: [{ store: 'main', schemaVersion: 0 }],
  });
  expect(await readdir(join(cell.dataDir, 'store-recoveries'))).toEqual([]);
  await expect(stat(join(to, 'cluster'))).rejects.toThrow(/ENOENT/);
});

test('its log goes on along the new course: the next restore point and the next round bring it back', {
  timeout: 120_000,
}, async () => {
  await cell.query('main', `insert into entry values (7000, 'after')`);
  await cell.seal();
  const moment = await now();
  await cell.query('main', `insert into entry values (7001, 'too much')`);
  await cell.ship();
  const { code, out, err } = await proposed('second', '--at', moment);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/1 row lost or otherwise, 0 rows back/);
  // Its new course was made with the proposal, and is the store's own since it was applied.
  const old = await proposed('old', '--at', between);
  expect({ code: old.code, err: old.code === 0 ? '' : old.err }).toEqual({ code: 0, err: '' });
  expect(old.out).toMatch(/public\.entry: 3,003 → 3,003 rows\n {2}4 rows lost or otherwise, 4 rows back/);
});

test('what isn’t right once it stands there is taken back, with every row of before; so is nothing that was changed on its way', {
  timeout: 200_000,
}, async () => {
  const before = await rows();
  const file = proposalFile('second');
  const yes = await approve(file, 'usr_approver');
  const apply = (...more: string[]) => asked('apply', file, '--as', 'usr_run', '--approval', yes, ...more);
  const back = await apply('--verification', cell.verificationFile);
  expect(back).toMatchObject({
    code: 1,
    out: expect.stringMatching(/It was NOT put back: works, tenant ada, works\/ask[\s\S]*stands again, from rp-/),
  });
  expect(await rows()).toEqual(before);
  expect([await answers('ada'), await answers('bob')]).toEqual([200, 200]);
  expect((await untoldFacts(cell.dataDir)).at(-1)).toMatchObject({
    kind: 'in-place',
    result: 'taken-back',
    failed: 'check',
  });
  // Once more: what it was of is gone, and nobody is held to find that out.
  const again = await apply();
  expect(again).toMatchObject({ code: 1, err: expect.stringMatching(/brought back since.*nobody was held/) });
  expect(again.err).not.toMatch(/held …|is compared|counted once more/);

  await cell.seal();
  await cell.query('main', `insert into entry values (7002, 'lost')`);
  const moment = await now();
  await cell.query('main', `insert into entry values (7003, 'more')`);
  await cell.ship();
  const third = await proposed('third', '--at', moment);
  expect(third.code, third.err).toBe(0);
  await inCopy(third.to, `update entry set note = 'by hand' where n = 7002`);
  const stood = await rows();
  const agreed = await approve(third.file, 'usr_approver');
  const changed = await asked('apply', proposalFile('third'), '--as', 'usr_run', '--approval', agreed);
  expect(changed).toMatchObject({
    code: 1,
    err: expect.stringMatching(/was changed since it was compared \(rows\); nothing was replaced/),
  });
  expect(await rows()).toEqual(stood);
  expect(await answers('ada')).toBe(200);
});

test('just before a promotion’s first write: its migration is gone, and with it what was written into it', {
  timeout: 120_000,
}, async () => {
  await cell.seal('prm_9.shared');
  const before = await rows();
  await cell.query('main', `select pg_create_restore_point('${beforeRollout('prm_9.shared')}')`);
  await cell.query(
    'main',
    `insert into headgate.migration(version, id, digest, applied_by) values (2, 'm2', 'sha256:x', 'test')`,
  );
  await cell.query('main', `alter table entry add column more text; insert into entry values (8000, 'new', 'more')`);
  await cell.ship();
  // It stays deployed, and serves nobody: nothing to wait for.
  const [green, blue] = [slotDir(cell.config.dir, 'green'), slotDir(cell.config.dir, 'blue')];
  const led = JSON.parse(await readFile(join(green, 'manifest.json'), 'utf8'));
  const left = { ...led, version: '1.5.0', schemaRange: { min: 2, max: 3 } };
  await mkdir(blue, { recursive: true });
  await beginSlot(blue, { digest: digestOf(canonicalJson(left)), version: left.version }, left);
  const { code, out, err, to } = await proposed('before', '--before', 'prm_9');
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/1\.5\.0 in blue serves nobody of it, and is for schema 2 to 3: nobody can be led there/);
  expect(out).not.toMatch(/can NOT run/);
  expect(out).toMatch(/goes back IN PLACE, to just before prm_9\.shared migrated the store\./);
  expect(out).toMatch(/1 row lost or otherwise, 0 rows back\n {2}goes away with all that is in it: more/);
  expect(out).toMatch(/schema {20}2 now, 0 then/);
  const yes = await approve(proposalFile('before'), 'usr_approver');
  // As after the machine was started anew: what lies beside is started to be counted.
  await new Cluster({ dir: join(to, 'cluster'), port: 1 }, await findPrograms(15, cell.config.dir)).stop();
  const done = await asked('apply', proposalFile('before'), '--as', 'usr_run', '--approval', yes);
  expect(done, done.err).toMatchObject({ code: 0, out: expect.stringMatching(/Its schema is 0 now, and was 2/) });
  expect(await rows()).toEqual(before);
  await expect(cell.query('main', 'select more from entry')).rejects.toThrow(/does not exist/);
  expect(await answers('bob')).toBe(200);
  await rm(blue, { recursive: true });
});

test('a schema that what serves can’t run on is shown, and refused before anybody is held', {
  timeout: 120_000,
}, async () => {
  await cell.query(
    'main',
    `insert into headgate.migration(version, id, digest, applied_by) values (9, 'm9', 'sha256:x', 'test')`,
  );
  const moment = await now();
  await cell.query('main', 'delete from headgate.migration where version = 9');
  await cell.ship();
  const { code, out, err } = await proposed('fourth', '--at', moment);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/1\.4\.0 in green, for schema 0 to 3: it can NOT run on that/);
  const yes = await approve(proposalFile('fourth'), 'usr_approver');
  const refused = await asked('apply', proposalFile('fourth'), '--as', 'usr_run', '--approval', yes);
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/can’t run on schema 9[\s\S]*lead its tenants off green first/),
  });
  expect(refused.err).not.toMatch(/held …/);
});

test('a part that is missing, another identity, and a folder on another disk: nothing is touched', {
  timeout: 200_000,
}, async () => {
  await cell.seal();
  await cell.ship();
  const before = await rows();
  const points = join(cell.vaultDir, 'points', 'production', 'shared', 'main');
  const newest = join(points, (await readdir(points)).toSorted().at(-1)!);
  const part = join(newest, 'database-00001.age');
  const bytes = await readFile(part);
  await rm(part);
  const named = ['--id', basename(newest)];
  expect(await proposed('fifth', ...named)).toMatchObject({ code: 1, err: expect.stringContaining('database-00001') });
  await writeFile(part, bytes);
  await writeFile(at('other.txt'), `${(await newIdentity()).identity}\n`, { mode: 0o600 });
  expect(await proposed('sixth', '--identity', at('other.txt'))).toMatchObject({ code: 1 });
  // What was never there is said in words, and not by PostgreSQL's log.
  for (const [name, moment, words] of [
    ['seventh', ['--before', 'prm_none'], /has no migration of prm_none\.shared: .*there is no such promotion/],
    ['eighth', ['--transaction', '99999999'], /has no transaction 99999999: .*or there is none/],
  ] as const) {
    const none = await proposed(name, ...moment);
    expect(none, name).toMatchObject({ code: 1, err: expect.stringMatching(words) });
    expect(none.err, name).not.toMatch(/FATAL|LOG:/);
  }
  // Memory is a disk of its own.
  const what = ['--store', 'main', '--as', 'usr_maker', '--because', 'why', '--to', `/dev/shm/${basename(cell.dir)}`];
  const elsewhere = await asked('propose', ...what);
  await rm(what.at(-1)!, { recursive: true });
  expect(elsewhere).toMatchObject({
    code: 1,
    err: expect.stringMatching(/is on another disk than .*: name a folder in/),
  });
  expect(await rows()).toEqual(before);
  expect(await answers('ada')).toBe(200);
});

test('what is no row of a table is shown, approved, and compared as rows are: sequences, functions, roles, large objects, unlogged tables', {
  timeout: 300_000,
}, async () => {
  await cell.query(
    'main',
    `create sequence inv_no; create unlogged table basket(n int); insert into basket values (1);
     create function price() returns int language sql as 'select 1 /* a secret of its own */'`,
  );
  await cell.seal();
  const moment = await now();
  await cell.query('main', `create or replace function price() returns int language sql as 'select 2'`);
  await cell.query('main', `select nextval('inv_no') from generate_series(1, 100)`);
  await cell.ship();
  const { code, out, err, to, file } = await proposed('beside', '--at', moment);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(
    /No table differs[\s\S]*Beside rows, 3 things go back as well \(sequences, unlogged tables, definitions of objects\):\n {2}sequence public\.inv_no: next 101 → next 1, so numbers that were given are given again\n {2}unlogged table public\.basket: 1 row → 0 rows\n {2}routine public\.price\(\): is otherwise then\n/,
  );
  expect(`${out}${await readFile(file, 'utf8')}`).not.toMatch(/a secret of its own/);
  const yes = await approve(file, 'usr_approver');
  const apply = () => asked('apply', file, '--as', 'usr_run', '--approval', yes);
  const refusedWith = (words: RegExp) => ({ code: 1, err: expect.stringMatching(words) });

  // After the yes, and no row of it.
  await cell.query('main', `select lo_from_bytea(424242, 'an invoice')`);
  expect(await apply()).toMatchObject(
    refusedWith(/written to after .* \(large objects\), and nobody approved losing that/),
  );
  await cell.query('main', 'select lo_unlink(424242)');
  await cell.query('main', `select setval('inv_no', 200)`);
  expect(await apply()).toMatchObject(refusedWith(/written to after .* \(sequences\), and nobody approved/));
  await cell.query('main', `select setval('inv_no', 100)`);
  // Beside it.
  await inCopy(to, `create role backdoor login superuser password 'x'`);
  await inCopy(to, `create or replace function price() returns int language sql as 'select 666'`);
  expect(await apply()).toMatchObject(
    refusedWith(/was changed since it was compared \(roles and definitions of objects\); nothing was replaced/),
  );
  expect(await cell.query('main', `select price(), nextval('inv_no')::int as n`)).toEqual([{ price: 2, n: 101 }]);
  expect(await answers('ada')).toBe(200);

  // One from before was approved by who saw rows alone.
  const { form: _, ...proposal } = JSON.parse(await readFile(file, 'utf8'));
  for (const side of [proposal.live, proposal.was]) delete side.beside;
  for (const field of ['others', 'othersInAll', 'databases']) delete proposal[field];
  const old = at('old.proposal');
  await writeFile(old, canonicalJson({ form: 'store-proposal/1', ...proposal }));
  const oldYes = await signed(await readFile(old, 'utf8'), 'usr_approver');
  expect(await asked('apply', old, '--as', 'usr_run', '--approval', oldYes)).toMatchObject(
    refusedWith(/made before Headgate compared what a store has beside rows/),
  );
  await expect(approve(old, 'usr_approver')).rejects.toThrow(/is not for approval/);
});

test('killed once its tenants are open: what they write then stays, and the log hears of it once', {
  timeout: 200_000,
}, async () => {
  await cell.seal();
  const then = await rows();
  const moment = await now();
  await cell.query('main', `insert into entry values (9000, 'lost')`);
  await cell.ship();
  const { code, err, file } = await proposed('opened', '--at', moment);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  const yes = await approve(file, 'usr_approver');
  const told = (await untoldFacts(cell.dataDir)).length;
  // As the step that opens them says that it did.
  await world.killedAt('are opened', file, yes, 60_000);
  expect([await answers('ada'), await answers('bob')]).toEqual([200, 200]);
  await cell.query('main', `insert into entry values (9001, 'a customer’s')`);
  const done = await asked('apply', file, '--as', 'usr_run', '--approval', yes);
  expect(done, done.err).toMatchObject({ code: 0, out: expect.stringMatching(/is back in its place/) });
  expect(await rows()).toEqual([...then, { n: 9001, note: 'a customer’s' }]);
  expect((await untoldFacts(cell.dataDir)).slice(told)).toMatchObject([{ kind: 'in-place', result: 'done' }]);
  expect(await readdir(join(cell.dataDir, 'store-recoveries'))).toEqual([]);
});
