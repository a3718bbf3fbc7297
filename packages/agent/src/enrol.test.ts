import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Enrolment, enrol } from './enrol.ts';
import { sealedPlan } from './testing/sealed-plan.ts';

let dir: string;
let wanted: Enrolment;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-enrol-'));
  await writeFile(join(dir, 'token'), 'secret\n', { mode: 0o600 });
  await writeFile(join(dir, 'handed-over.yaml'), sealedPlan().trustText);
  const store = {
    clusterDir: '/s',
    port: 5001,
    database: 'd',
    user: 'u',
    passwordFile: '/p',
    archiveDir: '/a',
    restorePointsDir: '/r',
  };
  const cell = {
    cell: 'shared',
    environment: 'production',
    application: 'psa',
    dir: '/c',
    slots: { blue: { web: 4001 }, green: { web: 4002 } },
    stores: { main: store },
    tenants: {},
    router: { listenPort: 4003, adminPort: 4004, tokenFile: '/t' },
  };
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell));
  wanted = {
    server: 'http://127.0.0.1:7070',
    tokenFile: join(dir, 'token'),
    trustFile: join(dir, 'handed-over.yaml'),
    dataDir: join(dir, 'data'),
    name: 'agt_1',
    environments: [`production=sha256:${'a'.repeat(64)}`],
    cellFiles: [join(dir, 'cell.json')],
  };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('pins the trust file that was handed over, and writes a configuration that is right', async () => {
  const enrolled = await enrol(wanted);
  expect(enrolled).toMatchObject({ ok: true, witness: expect.stringMatching(/^agt_1\+[0-9a-f]{8}\+/) });
  for (const name of ['trust.yaml', 'agent.yaml', 'witness.pem'])
    expect((await stat(join(wanted.dataDir, name))).mode & 0o777).toBe(0o600);
  expect((await stat(wanted.dataDir)).mode & 0o777).toBe(0o700);
  expect(await readFile(join(wanted.dataDir, 'trust.yaml'), 'utf8')).toBe(await readFile(wanted.trustFile, 'utf8'));
  const again = await enrol(wanted);
  expect(again).toEqual(enrolled);
});

test('refuses a trust file that is wrong, and pins nothing', async () => {
  await writeFile(wanted.trustFile, 'kind: Trust\n');
  expect(await enrol(wanted)).toMatchObject({
    ok: false,
    problems: [expect.stringMatching(/handed-over\.yaml:1:\d+/), expect.anything(), expect.anything()],
  });
  await expect(stat(wanted.dataDir)).rejects.toThrow(/ENOENT/);
});

test('refuses a token that others may read', async () => {
  await chmod(wanted.tokenFile, 0o644);
  expect(await enrol(wanted)).toMatchObject({ ok: false, problems: [expect.stringMatching(/can be read by others/)] });
});

describe('a check of what was enrolled', () => {
  /** What `headgate-agent check` prints and ends with, as a process of its own. */
  async function checked(): Promise<{ code: number | null; out: string; err: string }> {
    const main = fileURLToPath(new URL('./main.ts', import.meta.url));
    const child = spawn(process.execPath, [main, 'check', '--config', join(wanted.dataDir, 'agent.yaml')]);
    const said = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      said.out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said.err += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...said };
  }

  test('says what is pinned, and whose keys are trusted for what', async () => {
    const document = `sha256:${'b'.repeat(64)}`;
    const pins = { documents: [`production=${document}`], signedApprovals: ['production'] };
    expect(await enrol({ ...wanted, ...pins })).toMatchObject({ ok: true });
    const { code, out } = await checked();
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      environments: [
        { name: 'production', policyDigest: `sha256:${'a'.repeat(64)}`, documents: [document], signedApprovals: true },
      ],
      trust: { signers: [{ name: 'ci', may: ['release', 'evidence'] }, { principal: 'usr_approver' }] },
    });
  });

  test('refuses a trust file that was spoiled or is gone', async () => {
    await enrol(wanted);
    await writeFile(join(wanted.dataDir, 'trust.yaml'), 'garbage: true\n');
    expect(await checked()).toMatchObject({ code: 78, out: '', err: expect.stringContaining('trust.yaml') });
    await rm(join(wanted.dataDir, 'trust.yaml'));
    expect(await checked()).toMatchObject({ code: 78, out: '' });
  });

  test('a pin for an environment that is not enrolled is refused', async () => {
    expect(await enrol({ ...wanted, signedApprovals: ['staging'] })).toEqual({
      ok: false,
      problems: ['--signed-approvals: expected one of the environments production, found staging'],
    });
  });
});
