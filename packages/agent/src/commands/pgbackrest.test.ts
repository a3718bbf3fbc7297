/** A cell that declares pgBackRest for its store, as its agent opens it; and the commands on it, as a person types them. */
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCell } from '@headgate/adapters/execution/cell';
import { parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { RouterProcess } from '@headgate/adapters/execution/router/router-process';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms, type Programs } from '@headgate/adapters/postgres-cluster/programs';
import { execute } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { typed } from '../testing/typed.ts';
import { drill } from './drill.ts';
import { recover } from './recover.ts';
import { restorePoints } from './restore-points.ts';

const missing = await pgbackrestMissing();

describe.skipIf(missing !== undefined)('a cell with pgBackRest', () => {
  let dir: string;
  let programs: Programs;
  let store: Cluster;
  let cell: ReturnType<typeof parseCellConfig>;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-backed-'));
    await chmod(dir, 0o755);
    programs = await findPrograms(15, dir);
    for (const each of ['repository', 'vault', 'cell', 'work']) await mkdir(join(dir, each), { mode: 0o755 });
    if (programs.user) await chown(join(dir, 'repository'), programs.user.uid, programs.user.gid);
    await writeFile(join(dir, 'passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
    const [blue, green, port, listenPort, adminPort] = (await freePorts(5)) as [number, number, number, number, number];
    cell = parseCellConfig({
      ...{ cell: 'shared', environment: 'production', application: 'shop', dir: join(dir, 'cell') },
      slots: { blue: { web: blue }, green: { web: green } },
      stores: {
        main: {
          ...{
            clusterDir: join(dir, 'pg'),
            port,
            database: 'app',
            user: 'app',
            passwordFile: join(dir, 'app.password'),
          },
          ...{ archiveDir: join(dir, 'archive'), restorePointsDir: join(dir, 'points') },
          pgbackrest: {
            ...{ stanza: 'main', repository: { kind: 'folder', dir: join(dir, 'repository') } },
            passphraseFile: join(dir, 'passphrase'),
          },
        },
      },
      tenants: { ada: { store: 'main', ring: 'internal' } },
      router: { listenPort, adminPort, tokenFile: join(dir, 'router.token') },
      vault: {
        store: { kind: 'folder', dir: join(dir, 'vault') },
        recipients: ['age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq'],
        ...{ keyFile: join(dir, 'vault-key.pem'), census: true, wal: { everyMs: 1_000 } },
      },
    });
    store = new Cluster({ dir: join(dir, 'pg'), port }, programs);
    await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
    await writeFile(join(dir, 'trust.yaml'), sealedPlan().trustText);
    await writeFile(join(dir, 'cell.json'), JSON.stringify(cell));
    await writeFile(
      join(dir, 'agent.yaml'),
      `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${join(dir, 'token')}
dataDir: ${join(dir, 'data')}
trustFile: ${join(dir, 'trust.yaml')}
environments: [{name: production}]
cellFiles: [${join(dir, 'cell.json')}]
`,
    );
  }, 60_000);
  afterAll(async () => {
    await store?.stop(0);
    await new RouterProcess({ cellDir: cell.dir, ...cell.router, upstreams: {}, user: undefined }).stop();
    await rm(dir, { recursive: true, force: true });
  });

  const asked = (command: (args: readonly string[]) => Promise<number>, ...args: string[]) =>
    typed(command, ['--config', join(dir, 'agent.yaml'), '--store', 'main', ...args], /correct horse/);

  test('takes a restore point in its repository, verifies it there, and says that the vault has no copy', async () => {
    const reported: string[] = [];
    const real = await openCell(cell, (event) => reported.push(event));
    try {
      const told: string[] = [];
      const ctx = stepContext({ step: 's1', fence: { epoch: 1, n: 1 }, log: (event) => told.push(event) });
      const outcome = await execute({ kind: 'restore-point', store: 'main' }, ctx, real);
      expect(outcome).toMatchObject({ kind: 'done', result: { restorePoint: { verified: true } } });
      expect(told.at(-1)).toMatch(/is not copied to the vault: it lies in pgBackRest’s repository in folder/);
      expect(reported).toEqual([]);
    } finally {
      await real.close();
    }
  }, 240_000);

  test('a drill of it goes as any other, without an identity of the vault’s', async () => {
    const drilled = await asked(drill, '--work-dir', join(dir, 'work'));
    expect(drilled.out).toMatch(/rows in \d+ tables compared/);
    expect(drilled.out).not.toContain('WRONG');
  }, 240_000);

  test('it comes back beside itself, and where its restore points lie is said', async () => {
    const listed = await asked((args) => restorePoints(['list', ...args]));
    expect(listed).toMatchObject({ code: 1, err: expect.stringContaining('none in the vault') });
    const to = join(dir, 'recovered');
    // As on another machine: nobody has the superuser's password any more.
    await rename(store.passwordFile, `${store.passwordFile}.lost`);
    const back = await asked(recover, '--to', to).finally(() =>
      rename(`${store.passwordFile}.lost`, store.passwordFile),
    );
    expect(back).toMatchObject({ code: 0, out: expect.stringContaining('runs again beside itself') });
    expect((await readdir(to)).toSorted()).toEqual(['cluster', 'recovered.json']);
    const aside = new Cluster({ dir: join(to, 'cluster'), port: Number(/-p (\d+)/.exec(back.out)![1]) }, programs);
    try {
      expect(
        await withClient(await aside.connection('app'), async (c) => (await c.query('select 1 as n')).rows),
      ).toEqual([{ n: 1 }]);
    } finally {
      await aside.stop(0);
    }
  }, 240_000);
});
