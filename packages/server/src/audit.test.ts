/** Rows and log, folded and compared, on a real server that lived through everything that makes rows. */
import { createClient } from '@headgate/contract';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { RealServer, until } from './testing/real-server.ts';
import { SmallCompany } from './testing/small-company.ts';
import { asSuperuser } from './testing/superuser.ts';

let server: RealServer;
let company: SmallCompany;
let release: string;

async function audit(limit = 500) {
  const auditor = await server.client('auditor');
  const differences: { stream: string; field: string }[] = [];
  const unchecked: string[] = [];
  let checked = 0;
  let cursor: string | null | undefined;
  do {
    const page = await auditor.call('auditLog', { limit, ...(cursor != null && { cursor }) });
    checked += page.checked;
    differences.push(...page.differences.map(({ stream, field }) => ({ stream, field })));
    unchecked.push(...(page.unchecked ?? []).map(({ stream }) => stream));
    cursor = page.next;
  } while (cursor !== null);
  return { checked, differences, unchecked };
}

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  release = await company.release('1.1.0');
  const developer = await server.client('developer');
  for (const environment of ['staging', 'production']) {
    const { id, envelope } = await developer.call('requestPromotion', {
      body: { release: release as never, environment },
    });
    if (environment === 'production') {
      const approver = await server.client('approver');
      await approver.call('approvePromotion', { promotion: id, body: { envelope } });
    }
    const auditor = await server.client('auditor');
    await company.carryOut(async () => (await auditor.call('showPromotion', { promotion: id })).phase === 'ended');
  }
  const manager = await server.client('release-manager');
  const now = Date.now();
  const freeze = { scope: 'staging', from: now, to: now + 3_600_000, reason: 'month-end' };
  await manager.call('declareFreeze', { body: { ...freeze, name: 'month-end' } });
  await manager.call('declareFreeze', { body: { ...freeze, name: 'audit' } });
  await manager.call('liftFreeze', { scope: 'staging', name: 'audit', body: { reason: 'over' } });
});
afterAll(() => server?.remove());

describe('rows and log', () => {
  it('agree after everything that the server does by itself, read in pages of any size', async () => {
    const whole = await audit();
    expect(whole.differences).toEqual([]);
    expect(whole.checked).toBeGreaterThan(20);
    for (const limit of [1, 3, 7]) expect(await audit(limit)).toEqual(whole);
  });

  const tampered: [string, string, string, string][] = [
    ['a policy’s gates', 'document/Policy/careful', "jsonb_set(state::jsonb, '{spec,gates}', '[]')", 'spec'],
    ['a document’s digest', 'document/Cell/live', "jsonb_set(state::jsonb, '{digest}', '\"sha256:00\"')", 'digest'],
    ['who a principal is', 'principal/usr_developer', "jsonb_set(state::jsonb, '{roles}', '[\"admin\"]')", 'roles'],
    [
      'what a cell should be',
      'cell/live',
      "jsonb_set(state::jsonb, '{desired,stores,main,schemaVersion}', '2')",
      'desired',
    ],
    [
      'what was seen of a cell',
      'cell/live',
      "jsonb_set(state::jsonb, '{observed,state,stores,main,schemaVersion}', '2')",
      'observed',
    ],
    [
      'what an agent holds',
      'cell/live',
      'jsonb_set(state::jsonb, \'{observed,pins}\', \'{"documents": "many"}\')',
      'pins',
    ],
    ['where a release has been', 'release/', "jsonb_set(state::jsonb, '{soaked}', '[]')", 'soaked'],
    ['what tests a release passed', 'release/', "jsonb_set(state::jsonb, '{evidence}', '[]')", 'evidence'],
    ['how its tests went', 'release/', `replace(state::text, '"passed":1', '"passed":1000')::jsonb`, 'stated'],
    [
      'who signed a release',
      'release/',
      `jsonb_set(state::jsonb, '{signature}', '{"verified": true, "keyId": "k-of-nobody", "why": ""}')`,
      'signature',
    ],
    ['what a release is signed by', 'release/', `jsonb_set(state::jsonb, '{bundle}', '"sha256:00"')`, 'bundle'],
    [
      'whose token it is',
      'principal/usr_approver',
      `jsonb_set(state::jsonb, '{tokenHash}', to_jsonb(encode(sha256('usr_approver.mine'), 'hex')))`,
      'token',
    ],
    ['a freeze', 'freeze/staging', "jsonb_set(state::jsonb, '{freezes}', '[]')", 'freezes'],
    ['how a promotion ended', 'promotion/', "jsonb_set(state::jsonb, '{result}', '\"rolled-back\"')", 'result'],
    ['how a rollout stands', 'rollout/', "jsonb_set(state::jsonb, '{cursor}', '0')", 'cursor'],
  ];
  test.each(tampered)('differ when a row was given another word about %s', async (_title, prefix, change, field) => {
    const stream = await asSuperuser(server, async (db) => {
      const { rows } = await db.query<{ stream: string; state: string }>(
        `select stream, state::text as state from headgate.stream
         where starts_with(stream, $1) and (${change})::text <> (state::jsonb)::text order by stream limit 1`,
        [prefix],
      );
      const found = rows[0];
      if (found === undefined) throw new Error(`no row of ${prefix} to tamper with`);
      await db.query(`update headgate.stream set state = (${change})::json where stream = $1`, [found.stream]);
      return found;
    });
    const { differences } = await audit();
    await asSuperuser(server, (db) =>
      db.query('update headgate.stream set state = $2::json where stream = $1', [stream.stream, stream.state]),
    );
    expect(differences).toContainEqual({ stream: stream.stream, field });
    expect(differences.every((each) => each.stream === stream.stream)).toBe(true);
    expect((await audit()).differences).toEqual([]);
  });

  it('differ when a row counts other entries than there are', async () => {
    const set = (by: number) =>
      asSuperuser(server, (db) =>
        db.query("update headgate.stream set version = version + $1 where stream = 'principal/usr_auditor'", [by]),
      );
    await set(1);
    expect((await audit()).differences).toEqual([{ stream: 'principal/usr_auditor', field: 'version' }]);
    await set(-1);
  });

  it('differ when a row was set back to before what happened last', async () => {
    const [principal, admin] = ['principal/usr_developer', await server.client('admin')];
    const asRole = <T>(work: Parameters<typeof asSuperuser<T>>[1]) =>
      asSuperuser(server, async (db) => {
        await db.query('set role headgate');
        return work(db);
      });
    const write = `update headgate.stream r set version = w.version, state = w.state, last_at = w.last_at
      from json_populate_record(null::headgate.stream, $1) w where r.stream = w.stream`;
    const read = async () =>
      asRole(async (db) => {
        const { rows } = await db.query('select to_json(r) as row from headgate.stream r where stream = $1', [
          principal,
        ]);
        return JSON.stringify(rows[0]?.row);
      });
    const before = await read();
    await admin.call('revokePrincipal', { id: 'usr_developer' });
    const after = await read();
    await asRole((db) => db.query(write, [before]));
    for (const limit of [500, 1])
      expect((await audit(limit)).differences).toEqual([{ stream: principal, field: 'version' }]);
    await asRole((db) => db.query(write, [after]));
    expect((await audit()).differences).toEqual([]);
  });

  it('are not compared where a row says that a newer Headgate wrote it, and nobody acts by such a row', async () => {
    const [made, ghost] = ['principal/usr_approver', 'principal/usr_nobody'];
    const before = await asSuperuser(server, async (db) => {
      await db.query('set role headgate');
      const { rows } = await db.query<{ state: string }>(
        'select state::text as state from headgate.stream where stream = $1',
        [made],
      );
      await db.query(
        `update headgate.stream set format = 9, state = jsonb_set(state::jsonb, '{tokenHash}',
           to_jsonb(encode(sha256('usr_approver.mine'), 'hex')))::json where stream = $1`,
        [made],
      );
      await db.query(
        `insert into headgate.stream (stream, version, state, last_at, format) values ($1, 1,
           json_build_object('id', 'usr_nobody', 'roles', json_build_array('admin'), 'revoked', false, 'createdAt', 0,
             'tokenHash', encode(sha256('usr_nobody.mine'), 'hex')), 1, 9)`,
        [ghost],
      );
      return rows[0]?.state;
    });
    for (const token of ['usr_approver.mine', 'usr_nobody.mine'])
      await expect(createClient({ baseUrl: server.url, token }).call('whoami')).rejects.toMatchObject({
        status: 503,
        code: 'newer-row',
      });
    await expect(
      createClient({ baseUrl: server.url, token: 'usr_nobody.guessed' }).call('whoami'),
    ).rejects.toMatchObject({ status: 401 });
    expect(await audit()).toMatchObject({
      differences: [{ stream: ghost, field: 'version' }],
      unchecked: [made],
    });
    await asSuperuser(server, async (db) => {
      await db.query('delete from headgate.stream where stream = $1', [ghost]);
      await db.query('update headgate.stream set format = 1, state = $2::json where stream = $1', [made, before]);
    });
    expect(await audit()).toMatchObject({ differences: [], unchecked: [] });
  });

  it('differ when a row is gone and its entries are not', async () => {
    await asSuperuser(server, async (db) => {
      await db.query("create table headgate.aside as select * from headgate.stream where stream = 'freeze/staging'");
      await db.query("delete from headgate.stream where stream = 'freeze/staging'");
    });
    for (const limit of [500, 1, 3])
      expect((await audit(limit)).differences).toEqual([{ stream: 'freeze/staging', field: 'row' }]);
    await asSuperuser(server, async (db) => {
      const columns = `stream, version, state, last_at, made_at, format`;
      await db.query(`insert into headgate.stream (${columns}) select ${columns} from headgate.aside`);
      await db.query('drop table headgate.aside');
    });
    expect((await audit()).differences).toEqual([]);
  });

  it('differ when what was done was kept off the log, and where it has waited for its place for long', async () => {
    const admin = await server.client('admin');
    const ids = await asSuperuser(server, async (db) => {
      await db.query('begin');
      // The sequencer's own lock: it places nothing meanwhile.
      await db.query('select pg_advisory_xact_lock(7261, 1)');
      await admin.call('createPrincipal', { body: { id: 'usr_ghost', roles: ['approver'] } });
      const of = "select e.id from headgate.entry e where e.stream = 'principal/usr_ghost'";
      const { rows } = await db.query<{ id: string }>(of);
      await db.query(`delete from headgate.entry_waiting where entry in (${of})`);
      await db.query('commit');
      return rows.map(({ id }) => id);
    });
    expect(ids).toHaveLength(1);
    for (const limit of [500, 3])
      expect((await audit(limit)).differences).toEqual([{ stream: 'principal/usr_ghost', field: 'log' }]);
    await asSuperuser(server, (db) =>
      db.query('insert into headgate.entry_waiting select unnest($1::bigint[])', [ids]),
    );
    await until('it is placed', async () => (await audit()).differences.length === 0);
  });

  it('are compared from a cursor of the audit alone', async () => {
    const auditor = await server.client('auditor');
    for (const cursor of ['', 'x', Buffer.from('nothing/x').toString('base64url')])
      await expect(auditor.call('auditLog', { limit: 5, cursor })).rejects.toMatchObject({ status: 422 });
  });
});
