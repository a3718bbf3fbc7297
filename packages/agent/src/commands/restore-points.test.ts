/** `headgate-agent restore-points …`, as a person types it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { openCellVault } from '@headgate/adapters/execution/vault/open-cell-vault';
import { vaultedStores } from '@headgate/adapters/execution/vault/vaulted-stores';
import type { RestorePoint } from '@headgate/domain';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { type Typed, typed } from '../testing/typed.ts';
import { restorePoints as command } from './restore-points.ts';

let dir: string;
let recipient: string;

/** The command as its program calls it; the first test starts the program itself. */
const restorePoints = (...args: string[]): Promise<Typed> =>
  typed(
    command,
    args.map((arg) => (/^[a-z-]+\.(txt|yaml)$/.test(arg) ? join(dir, arg) : arg)),
  );

const asked = (...args: string[]): Promise<Typed> => restorePoints(...args, '--config', 'agent.yaml');

const cell = () => ({
  cell: 'shared',
  environment: 'production',
  application: 'psa',
  dir: join(dir, 'cell'),
  slots: { blue: { web: 4001 }, green: { web: 4002 } },
  externalStores: {
    main: {
      url: { variable: 'MAIN' },
      adminUrl: { variable: 'ADMIN' },
      restorePointsDir: join(dir, 'restore-points'),
    },
  },
  tenants: { ada: { store: 'main', ring: 'internal' } },
  router: { listenPort: 4003, adminPort: 4004, tokenFile: join(dir, 'router-token') },
  vault: {
    store: { kind: 'folder', dir: join(dir, 'vault') },
    recipients: [recipient],
    keyFile: join(dir, 'vault-key.pem'),
  },
});

/** A restore point as an adapter would have left it. */
async function lay(id: string, takenAt: number): Promise<RestorePoint> {
  const files = [];
  for (const path of ['dump/toc.dat', 'dump/3000.dat.gz']) {
    const content = `${path} of ${id}`;
    const place = join(dir, 'restore-points', id, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    files.push({ path, size: content.length, sha256, mode: 0o600, uid: 0, gid: 0 });
  }
  const source = { server: '15.14 (Debian)', tool: 'pg_dump (PostgreSQL) 15.14 (Debian)', lsn: '0/1A2B3C8' };
  const manifest = {
    v: 1,
    id,
    store: 'main',
    database: 'shop',
    rollout: 'r1',
    step: 's1',
    schemaVersion: 2,
    takenAt,
    source,
    files,
  };
  const text = JSON.stringify(manifest);
  await writeFile(join(dir, 'restore-points', id, 'manifest.json'), text);
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
  return { id, store: 'main', takenAt, manifest: digest, bytes: 50, verified: true };
}

const [OLD, NEW] = ['rp-20260101t000000z-aaaaaa', 'rp-20260102t000000z-bbbbbb'];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-restore-points-'));
  await mkdir(join(dir, 'vault'));
  const made = await restorePoints('identity', '--out', 'identity.txt');
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^age1[0-9a-z]+\n$/) });
  recipient = made.out.trim();
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell()));
  await writeFile(join(dir, 'trust.yaml'), TRUST);
  await writeFile(
    join(dir, 'agent.yaml'),
    `version: 1\nserver: http://127.0.0.1:7070\nname: agent-1\ntokenFile: ${dir}/token\ndataDir: ${dir}/data\ntrustFile: ${dir}/trust.yaml\nenvironments:\n  - name: production\ncellFiles: [${dir}/cell.json]\n`,
  );
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const TRUST = sealedPlan().trustText;

test('the program takes the command', async () => {
  const main = join(import.meta.dirname, '..', 'main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'restore-points', '--help']);
  expect(stdout).toContain('headgate-agent restore-points fetch');
});

test('an identity is for its owner alone, and is never written over', async () => {
  expect((await stat(join(dir, 'identity.txt'))).mode & 0o777).toBe(0o600);
  expect(await restorePoints('identity', '--out', 'identity.txt')).toMatchObject({
    code: 1,
    err: expect.stringContaining('is there already, and nothing is written over it'),
  });
});

test('with nothing in the vault it says so, with another exit code than 0', async () => {
  expect(await asked('list')).toMatchObject({
    code: 1,
    out: expect.stringContaining('nothing could be brought back from here'),
  });
  expect(await asked('verify', '--store', 'main')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no restore point of the store main lies in'),
  });
});

test('list, verify and fetch: the newest, read back, decrypted, and laid out where restore points are taken', async () => {
  const config = parseCellConfig(cell());
  const vault = (await openCellVault(config.vault, vaultedStores(config)))!;
  for (const [i, id] of [OLD, NEW].entries())
    expect(await vault.keep(await lay(id!, Date.now() - (3 - i) * 3_600_000), stepContext())).toMatchObject({
      kind: 'sealed',
    });
  await rename(join(dir, 'restore-points'), join(dir, 'lost'));
  await mkdir(join(dir, 'restore-points'));

  const listed = await asked('list');
  expect(listed).toMatchObject({ code: 0 });
  expect(listed.out).toMatch(
    /rp-20260102t000000z-bbbbbb .* schema 2 .* in 2 parts {2}PostgreSQL 15 dump, LSN 0\/1A2B3C8 {2}signed by this agent/,
  );
  expect(listed.out).toMatch(/lost if the store were lost now: the last 2 h( \d s)?; at the worst moment so far: 2 h/);
  expect(listed.out).toContain('versioning off');
  const [json] = JSON.parse((await asked('list', '--json')).out);
  expect(json).toMatchObject({
    store: 'main',
    freshness: { newest: { id: NEW }, unreadable: 0 },
    points: [{ id: NEW }, { id: OLD }],
  });

  expect(await asked('verify', '--store', 'main')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^rp-20260102\S+ of the store main is right: signed by this agent, 2 parts/),
  });
  expect(await asked('verify', '--store', 'main', '--id', OLD!, '--identity', 'identity.txt')).toMatchObject({
    code: 0,
    out: expect.stringContaining('each of its 2 files compared'),
  });
  expect(await asked('fetch', '--store', 'main', '--identity', 'identity.txt')).toMatchObject({
    code: 0,
    out: expect.stringContaining(`It is in ${dir}/restore-points/${NEW}.`),
  });
  expect((await readdir(join(dir, 'restore-points'))).sort()).toEqual([NEW, `${NEW}.sha256`]);
  expect(await readFile(join(dir, 'restore-points', NEW!, 'dump', 'toc.dat'), 'utf8')).toBe(`dump/toc.dat of ${NEW}`);
});

test('what is older than may be lost is told, with another exit code than 0', async () => {
  const late = { ...cell(), vault: { ...cell().vault, rpoMs: 3_600_000 } };
  await writeFile(join(dir, 'cell.json'), JSON.stringify(late));
  expect(await asked('list')).toMatchObject({
    code: 1,
    out: expect.stringContaining('TOO OLD: at most 1 h may be lost'),
  });
  await writeFile(join(dir, 'cell.json'), JSON.stringify({ ...late, vault: { ...late.vault, rpoMs: 36_000_000 } }));
  expect(await asked('list')).toMatchObject({ code: 0, out: expect.not.stringContaining('TOO OLD') });
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell()));
});

test('the key that is shown is trusted for restore points where a trust file says so, on a machine without the key itself', async () => {
  const shown = await asked('key');
  expect(shown.out).toMatch(/^-----BEGIN PUBLIC KEY-----/);
  const entry = await asked('key', '--entry');
  const name = /- name: (\S+)\n/.exec(entry.out)?.[1];
  await rename(join(dir, 'vault-key.pem'), join(dir, 'vault-key.elsewhere'));
  expect(await asked('verify', '--store', 'main')).toMatchObject({
    code: 1,
    err: expect.stringContaining('is not in the trust file'),
  });
  await writeFile(join(dir, 'trust.yaml'), TRUST.replace('  signers:\n', `  signers:\n${entry.out}`));
  expect(await asked('verify', '--store', 'main')).toMatchObject({
    code: 0,
    out: expect.stringContaining(`signed by ${name},`),
  });
  await rename(join(dir, 'vault-key.elsewhere'), join(dir, 'vault-key.pem'));
});

test('the newest that isn’t right is not passed over in silence', async () => {
  const place = join(dir, 'vault', 'points', 'production', 'shared', 'main', NEW!, 'sealed.json');
  const text = await readFile(place, 'utf8');
  await writeFile(place, text.replace('"sig":"', '"sig":"AAAA'));
  expect(
    await asked('fetch', '--store', 'main', '--identity', 'identity.txt', '--to', join(dir, 'other')),
  ).toMatchObject({
    code: 1,
    err: expect.stringMatching(/the newest isn't right: sealed\.json of rp-20260102.*name an older one with --id/),
  });
  expect(await asked('list')).toMatchObject({
    code: 1,
    out: expect.stringContaining('NOT RIGHT: sealed.json of rp-20260102'),
  });
  await writeFile(place, text);
});

test('what is refused or away has an exit code and words of its own', async () => {
  const stranger = await restorePoints('identity', '--out', 'stranger.txt');
  expect(stranger.code).toBe(0);
  expect(
    await asked('fetch', '--store', 'main', '--identity', 'stranger.txt', '--to', join(dir, 'other')),
  ).toMatchObject({
    code: 1,
    err: expect.stringContaining("the part contents of rp-20260102t000000z-bbbbbb can't be decrypted"),
  });
  expect(await readdir(join(dir, 'other'))).toEqual([]);
  expect(await asked('verify', '--store', 'none')).toMatchObject({
    code: 1,
    err: expect.stringContaining('there is no store none'),
  });
  expect(await asked('verify', '--store', 'main', '--id', '../../x')).toMatchObject({
    code: 1,
    err: expect.stringContaining('is no id'),
  });
  await rename(join(dir, 'vault'), join(dir, 'vault.gone'));
  expect(await asked('list')).toMatchObject({
    code: 3,
    err: expect.stringContaining("isn't there; is its disk mounted?"),
  });
  await rename(join(dir, 'vault.gone'), join(dir, 'vault'));
  expect(await restorePoints('list')).toMatchObject({ code: 2, err: expect.stringContaining('--config') });
  expect(await restorePoints('lst', '--config', 'x')).toMatchObject({ code: 2 });
  expect(await restorePoints('--help')).toMatchObject({ code: 0, out: expect.stringContaining('Exit codes') });
});
