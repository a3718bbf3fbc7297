/** Odoo's upgrade of a tenant, rehearsed on a copy of its newest restore point before the tenant is held for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedModules } from '@headgate/adapters/execution/odoo/index';
import { fingerprintOf } from '@headgate/adapters/execution/rehearsal/fingerprint';
import { allPids, cwdOf, readOfProcess } from '@headgate/adapters/machine/processes-in';
import { generateSigningKey, openEvidence, savePrivateKey } from '@headgate/documents';
import { rehearsed } from '@headgate/domain/gates/rehearsed';
import { judgeRehearsal } from '@headgate/domain/rehearsal/rehearsal';
import { soundFacts } from '@headgate/testkit/domain/builders';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { odooRelease } from './build.ts';
import { type Rehearsing, rehearsing, TENANT } from './testing/rehearsing.ts';
import { odooMissing } from './testing/required.ts';
import { type Stand, stand } from './testing/stand.ts';

const missing = await odooMissing();
const agentMain = join(import.meta.dirname, '..', '..', 'packages', 'agent', 'src', 'main.ts');
/** A script of Odoo's that is run once the module's own are. */
const LAST = 'headgate_ps/migrations/19.0.2.0.0/post-zz-spoil.py';
const script = (lines: string): Buffer => Buffer.from(`def migrate(cr, version):\n    ${lines}\n`);

describe.skipIf(missing)('a rehearsal of Odoo’s upgrade', { timeout: 1_800_000 }, () => {
  let at: Stand;
  let by: Rehearsing;

  beforeAll(async () => {
    at = await stand([TENANT]);
    by = await rehearsing(at);
  });
  afterAll(() => at?.remove());

  /** Processes that work for a rehearsal, and the folders of it. */
  async function left(): Promise<{ readonly pids: readonly number[]; readonly folders: readonly string[] }> {
    const ours = (pid: number) =>
      cwdOf(pid).startsWith(by.workDir) || readOfProcess(pid, 'environ').includes(`=${by.workDir}`);
    const folders = (await readdir(by.workDir)).filter((name) => name.startsWith('rehearsal-'));
    return { pids: allPids().filter(ours), folders };
  }

  const tenantNow = async () => fingerprintOf(await at.stores.cluster.connection(TENANT), 1);

  function agent(release: string, ...more: string[]): ChildProcess {
    const args = ['rehearse', '--release', release, '--from', TENANT, '--config', by.agentFile];
    return spawn(process.execPath, [agentMain, ...args, '--work-dir', by.workDir, ...more], {
      cwd: at.dir,
      env: { ...process.env, HEADGATE_MASK_KEY: 'a-key-of-this-test-which-nobody-else-has' },
    });
  }

  test('is killed in the midst of the upgrade, and the next one takes away what it left, and goes well', async () => {
    const before = await tenantNow();
    const release = await by.laidOut(await odooRelease('19.0.2'));
    const killed = agent(release);
    let printed = '';
    for (const stream of [killed.stdout, killed.stderr]) stream?.on('data', (text) => (printed += text));
    const upgrading = () => allPids().some((pid) => /\/programs\/acme\/upgrade$/.test(cwdOf(pid)));
    await expect.poll(upgrading, { timeout: 600_000, message: printed }).toBe(true);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const after = await left();
    expect(after.folders).toHaveLength(1);
    expect(after.pids.length).toBeGreaterThan(0);

    const pair = generateSigningKey();
    savePrivateKey(join(at.dir, 'signing.key'), pair.privateKeyPem);
    const statement = join(at.dir, 'statement.json');
    const [rules, heavy] = [join(at.dir, 'people.yaml'), join(at.dir, 'heavy.sql')];
    await writeFile(
      rules,
      'apiVersion: headgate/v1\nkind: Masking\nmetadata: {name: people, owner: team}\nspec: {key: {env: HEADGATE_MASK_KEY}, rules: [{table: res_partner, column: phone, mask: phone}]}\n',
    );
    await writeFile(heavy, 'select * from account_analytic_line where project_id = $1;');
    const signed = ['--statement', statement, '--key', join(at.dir, 'signing.key')];
    const well = agent(release, ...signed, '--mask', rules, '--statements', heavy);
    let out = '';
    let err = '';
    well.stdout?.on('data', (text) => (out += text));
    well.stderr?.on('data', (text) => (err += text));
    const [code] = await once(well, 'exit');
    expect({ code, out, err }).toEqual({
      code: 0,
      out: expect.stringMatching(
        /on a copy of production, cell shared, store acme\n {2}restore point rp-.*, masked\n[\s\S]*; schema 1 to 2; [\s\S]*\nForward: [\s\S]*\n {4}Odoo’s upgrade: headgate_ps 19\.0\.1\.0\.1 to 19\.0\.2\.0\.0\n[\s\S]*on public\.account_analytic_line for [\s\S]*\nBack: [\s\S]*Every object, every row and every file is as it was before\.\n[\s\S]*\nForward again: [\s\S]*\nPlans: 1 statement of the file compared, none is worse\.\n[\s\S]*\n {2}new version 19\.0\.2 \(web\), ready after .*:\n {4}\d transactions of 1 tenant went well in [\s\S]*\nNot looked at:\n {2}no business transactions of an old version were run: 19\.0\.1 is for the schemas 1 to 1, and doesn’t run on 2\n\nIt went well\./,
      ),
      err: expect.stringContaining('The copy is neutralised'),
    });
    const may = ['evidence' as const];
    const trust = { signers: [{ name: 'ci', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }] };
    const opened = openEvidence(JSON.parse(await readFile(statement, 'utf8')), trust);
    if (!opened.ok) throw new Error(opened.why);
    const { fact } = opened;
    expect(fact.rehearsal).toMatchObject({
      ...{ store: TENANT, ok: true, wayBack: 'equal', masked: true, migrations: [{ migration: '19.0.2.0.0' }] },
      business: { old: [], new: true, verification: { name: 'odoo-business' } },
    });
    const { business } = fact.rehearsal!;
    const facts = soundFacts(Date.now(), { evidence: [fact], verification: business!.verification! });
    const judged = { ...facts, release: { ...facts.release, digest: fact.subject } };
    const params = { from: `shared/${TENANT}`, maxAgeMs: 3_600_000, longestStallMs: 1_800_000, equal: true };
    expect(rehearsed.judge({ ...params, business: 'new' }, judged, { kind: 'promotion' })).toMatchObject({
      verdict: 'pass',
    });
    // Odoo's old code can't serve what was upgraded: whoever asks for it all the same is told that nobody did.
    expect(rehearsed.judge({ ...params, business: 'old-and-new' }, judged, { kind: 'promotion' })).toMatchObject({
      verdict: 'no-data',
    });
    expect(await left()).toEqual({ pids: [], folders: [] });
    expect(await tenantNow()).toEqual(before);
    expect((await installedModules(at.stores, TENANT)).get('headgate_ps')?.version).toBe('19.0.1.0.1');
  });

  test('whose module’s upgrade fails says where, goes no further, and leaves nothing', async () => {
    const built = await odooRelease(
      '19.0.2',
      (files) => void files.set(LAST, script(`raise ValueError('no such rate')`)),
    );
    const { facts } = await by.rehearse(built);
    expect(judgeRehearsal(facts)).toMatchObject({
      ok: false,
      wayBack: 'not-reached',
      because: [
        expect.stringMatching(/failed on the way forward: .* at the module headgate_ps.*: ValueError: no such rate/),
      ],
    });
    expect(facts.passes.map(({ direction }) => direction)).toEqual(['forward']);
    expect(facts.missing).toContain('no business transactions were run: the copy didn’t come to the new schema');
    expect(await left()).toEqual({ pids: [], folders: [] });
  });

  test('that leaves wrong rows isn’t taken in by the modules’ versions: the business transactions say so', async () => {
    // What every upgrade makes anew is told, and isn't what fails it.
    const lines = `cr.execute("update account_journal set active = false where code = 'CHK'")\n    cr.execute("create table hg_made as select clock_timestamp() as at")`;
    const { facts, said } = await by.rehearse(
      await odooRelease('19.0.2', (files) => void files.set(LAST, script(lines))),
    );
    const [forward] = facts.passes;
    expect(forward?.files[0]?.statements[0]?.text).toContain('headgate_ps 19.0.1.0.1 to 19.0.2.0.0');
    expect(facts.comparisons).toMatchObject([{ what: 'back', differences: [] }, { what: 'again' }]);
    expect(facts.comparisons[1]?.differences).toContainEqual(
      expect.objectContaining({ kind: 'values', relation: 'public.hg_made', column: 'at' }),
    );
    const result = judgeRehearsal(facts);
    expect(result, said).toMatchObject({ ok: false, wayBack: 'equal' });
    expect(result.because).toEqual([expect.stringMatching(/business transactions of the new version 19\.0\.2 .*acme/)]);
    expect(await left()).toEqual({ pids: [], folders: [] });
  });
});
