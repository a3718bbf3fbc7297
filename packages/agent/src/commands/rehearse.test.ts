import { execFile, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DumpRestorePoints } from '@headgate/adapters/execution/external-store/dump-restore-points';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { type ShopStore, shopStore } from '@headgate/adapters/execution/rehearsal/testing/shop';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { generateSigningKey, openEvidence, savePrivateKey } from '@headgate/documents';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { rehearse } from './rehearse.ts';

const tools = await findTools(15, undefined);
const main = join(import.meta.dirname, '..', '..', '..', 'cli', 'src', 'main.ts');

let shop: ShopStore;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  shop = await shopStore();
  dir = await mkdtemp(join(tmpdir(), 'headgate-rehearse-command-'));
  const admin = (await readFile(shop.files.adminUrl, 'utf8')).trim();
  env = {
    ...process.env,
    SHOP_URL: shop.owner.connectionString,
    SHOP_ADMIN: admin,
    HEADGATE_MASK_KEY: 'a key that this test made up for itself',
  };
  await release('good', 'alter table invoice add column paid boolean', 'alter table invoice drop column paid');
  await release('bad', `update customer set name = 'x'`, 'select 1');
});
afterAll(async () => {
  await shop?.real.remove();
  await rm(dir, { recursive: true, force: true });
});

async function release(name: string, up: string, down: string): Promise<void> {
  const folder = join(dir, name);
  await mkdir(folder);
  await writeFile(join(folder, 'up.sql'), up);
  await writeFile(join(folder, 'down.sql'), down);
  await writeFile(join(folder, 'web.js'), '// nothing\n');
  await writeFile(
    join(folder, 'release.yaml'),
    `application: shop
version: 1.2.0
authors: [usr_author]
components:
  - {name: web, role: web, recovery: stateless, files: [web.js], command: [node, web.js], healthPath: /health}
schemaRange: {min: 0, max: 1}
migrations:
  - {id: m1, from: 0, to: 1, phase: expand, up: up.sql, down: down.sql, undo: down}
`,
  );
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `headgate rehearse …`, as a person types it. */
function headgate(...args: string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [main, 'rehearse', ...args, '--work-dir', join(dir, 'work')],
      { cwd: dir, env },
      (error, out, err) => {
        expect(`${out}${err}`).not.toContain('plain-shop');
        expect(`${out}${err}`).not.toContain(env.SHOP_ADMIN);
        done({ code: error === null ? 0 : Number(error.code), out, err });
      },
    );
  });
}

/** A store of somebody else's server, as an agent's configuration has it. */
async function ofAgent(): Promise<readonly string[]> {
  const tenants = {
    tenants: {},
    router: { listenPort: 20_001, adminPort: 20_002, tokenFile: join(dir, 'router-token') },
  };
  const cell = {
    ...{ cell: 'shared', environment: 'production', application: 'shop', dir: join(dir, 'cell') },
    slots: { blue: { web: 20_003 }, green: { web: 20_004 } },
    externalStores: {
      main: {
        url: { file: shop.files.url },
        adminUrl: { file: shop.files.adminUrl },
        restorePointsDir: shop.store.restorePointsDir,
      },
    },
    ...tenants,
  };
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell));
  await writeFile(
    join(dir, 'agent.yaml'),
    `version: 1\nserver: http://127.0.0.1:1\nname: a\ntokenFile: ${dir}/t\ndataDir: ${dir}/d\ntrustFile: ${dir}/trust.yaml\nenvironments: [{name: production}]\ncellFiles: [${dir}/cell.json]\n`,
  );
  return ['--from', 'main', '--config', 'agent.yaml', '--scratch-env', 'SHOP_ADMIN', '--stall', '30'];
}

const databases = async () =>
  withClient(await shop.store.cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ name: string }>('select datname as name from pg_database order by 1');
    return rows.map(({ name }) => name);
  });

const URL = ['--database-env', 'SHOP_URL', '--scratch-env', 'SHOP_ADMIN', '--name', 'main', '--stall', '30'];

test('wrong usage is said, and nothing is copied', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    for (const args of [
      [],
      ['--release', 'good'],
      ['--release', 'good', ...URL, '--from', 'main'],
      ['--release', 'good', ...URL, '--runner', 'flyway'],
      ['--release', 'good', ...URL, '--stall', 'long'],
      ['--release', 'good', '--from', 'main'],
      ['--release', 'good', ...URL, '--more'],
    ])
      expect(await rehearse(args), args.join(' ')).toBe(2);
    expect(said).toHaveBeenCalledWith(expect.stringContaining('it needs --from or --database-env, one of them'));
    expect(await rehearse(['--release', 'good', ...URL])).toBe(1);
    expect(said).toHaveBeenCalledWith(
      expect.stringMatching(/use headgate rehearse RELEASE .*, which lays a release out/),
    );
  } finally {
    said.mockRestore();
  }
  expect(await headgate('good', ...URL, '--attach')).toMatchObject({ code: 2, err: expect.stringContaining('--key') });
});

describe.skipIf(tools === undefined)('with pg_dump', { timeout: 240_000 }, () => {
  test('a release in a folder, on a masked copy of a database: told in words, and a signed statement', async () => {
    const before = await databases();
    await writeFile(
      join(dir, 'people.yaml'),
      `apiVersion: headgate/v1\nkind: Masking\nmetadata: {name: people, owner: team}\nspec: {key: {env: HEADGATE_MASK_KEY}, rules: [{table: customer, column: email, mask: email}]}\n`,
    );
    await writeFile(join(dir, 'heavy.sql'), 'select * from invoice where customer_id = $1;');
    const pair = generateSigningKey();
    savePrivateKey(join(dir, 'signing.key'), pair.privateKeyPem);
    const more = [
      '--mask',
      'people.yaml',
      '--statements',
      'heavy.sql',
      '--statement',
      'rehearsal.json',
      '--key',
      'signing.key',
    ];
    const ran = await headgate('good', ...URL, ...more);
    for (const words of [
      'Rehearsal of shop 1.2.0 on a copy of store main',
      'schema 0 to 1; each file in one transaction',
      'ACCESS EXCLUSIVE on public.invoice for ',
      'Every object and every row is as it was before.',
      'The same came of it as the first time.',
      '1 statement of the file compared, none is worse.',
      'It went well.',
    ])
      expect(ran.out).toContain(words);
    expect(ran.out).not.toContain('wasn’t masked');
    expect(ran.code).toBe(0);
    const bundle: unknown = JSON.parse(await readFile(join(dir, 'rehearsal.json'), 'utf8'));
    const may = ['evidence' as const];
    const trust = { signers: [{ name: 'ci', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }] };
    expect(openEvidence(bundle, trust)).toMatchObject({
      ok: true,
      fact: { rehearsal: { store: 'main', ok: true, wayBack: 'equal', masked: true } },
    });
    expect(await databases()).toEqual(before);
  });

  test('a way back that isn’t one is told, the exit code says it, and --json has it all', async () => {
    const ran = await headgate('bad', ...URL);
    expect(ran.code).toBe(1);
    expect(ran.out).toContain('public.customer.name: other values than before (in one of 1000 at least)');
    expect(ran.out).toContain('It did NOT go well:');
    const json = await headgate('bad', ...URL, '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      release: expect.stringMatching(/^sha256:/),
      result: { ok: false, wayBack: 'different' },
      facts: { passes: [{ direction: 'forward' }, { direction: 'back' }, { direction: 'forward-again' }] },
    });
  });

  test('a store of the agent’s, from its newest restore point', async () => {
    const from = await ofAgent();
    const none = await headgate('good', ...from);
    expect(none).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no restore point of the store main'),
    });
    const taken = await new DumpRestorePoints(new Map([['main', shop.store]])).take('main', stepContext());
    const ran = await headgate('good', ...from);
    expect(ran.out).toContain('on a copy of production, cell shared, store main');
    expect(ran.out).toContain(`restore point ${taken.ok ? taken.value.id : ''}`);
    expect(ran.code).toBe(0);
    const other = await headgate('good', '--from', 'other', '--config', 'agent.yaml');
    expect(other.err).toContain('no store of this agent’s is called other; it has shared/main'.replace('’', "'"));
  });

  test('a restore point from before what production has had since: that runs first, and what is left is promised and led back', async () => {
    const from = await ofAgent();
    const taken = await new DumpRestorePoints(new Map([['main', shop.store]])).take('main', stepContext());
    expect(taken).toMatchObject({ ok: true });
    const had = 'create table since(n int); select pg_sleep(2)';
    await release('two', had, 'drop table since');
    const two = join(dir, 'two');
    await writeFile(join(two, 'next.sql'), 'alter table since add column m int');
    await writeFile(join(two, 'next.down.sql'), 'alter table since drop column m');
    const manifest = (await readFile(join(two, 'release.yaml'), 'utf8'))
      .replace('max: 1', 'max: 2')
      .replace(', down: down.sql, undo: down', ', undo: keep');
    const next = '  - {id: m2, from: 1, to: 2, phase: expand, up: next.sql, down: next.down.sql, undo: down}\n';
    await writeFile(join(two, 'release.yaml'), manifest + next);
    const record = `insert into headgate.migration(version, id, digest, applied_by) values (1, 'm1', 'sha256:x', 'test')`;
    const production = await shop.store.cluster.controlConnection(shop.store.database);
    await withClient(production, (client) => client.query(`create table public.since(n int); ${record}`));
    try {
      const ran = await headgate('two', ...from, '--json');
      const { result, facts } = JSON.parse(ran.out);
      expect(ran.code).toBe(0);
      expect(
        facts.passes.map((pass: { files: { migration: string }[] }) => pass.files.map((f) => f.migration)),
      ).toEqual([['m2'], ['m2'], ['m2']]);
      expect(facts.missing[0]).toMatch(
        /^the store is at schema 1, and its copy was at 0: m1 ran on it first, and nothing/,
      );
      expect(result).toMatchObject({ ok: true, wayBack: 'equal' });
      const strange = await headgate('good', ...from);
      expect(strange.err).toContain('has nothing to rehearse');
    } finally {
      await withClient(production, (client) =>
        client.query('drop table public.since; delete from headgate.migration where version = 1'),
      );
    }
  });

  test('interrupted, it takes its copy away', async () => {
    await release('slow', 'select pg_sleep(120)', 'select 1');
    const child = spawn(process.execPath, [main, 'rehearse', 'slow', ...URL, '--work-dir', join(dir, 'work')], {
      cwd: dir,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = new Promise<number | null>((done) => child.once('exit', done));
    // Whatever it ends with is told, and not only that it took too long.
    await Promise.race([ended, expect.poll(() => said, { timeout: 120_000, interval: 100 }).toContain('Forward …')]);
    expect(said).toContain('Forward …');
    expect((await databases()).some((name) => name.startsWith('headgate_rehearsal_'))).toBe(true);
    child.kill('SIGINT');
    expect(await ended).not.toBe(0);
    await expect
      .poll(async () => (await databases()).filter((name) => name.startsWith('headgate_rehearsal_')), {
        timeout: 30_000,
      })
      .toEqual([]);
    expect(await readdir(join(dir, 'work', 'dumps'))).toEqual([]);
  });
});
