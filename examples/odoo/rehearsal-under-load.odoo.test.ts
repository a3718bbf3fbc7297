/** Odoo's upgrade rehearsed as it will run: interrupted, tried again and restored, while users knock at a tenant that is held. */
import { spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TenantCopy } from '@headgate/adapters/execution/odoo/rehearsal/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
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
/** A script of Odoo's that is run before the module's own. */
const FIRST = 'headgate_ps/migrations/19.0.2.0.0/pre-aa-spoil.py';

describe.skipIf(missing)('a rehearsal of Odoo’s upgrade under load', { timeout: 1_800_000 }, () => {
  let at: Stand;
  let by: Rehearsing;

  beforeAll(async () => {
    at = await stand([TENANT]);
    by = await rehearsing(at);
  });
  afterAll(() => at?.remove());

  test('comes to the same end from wherever it was ended, is restored from its midst, and its statement passes the gate', async () => {
    const pair = generateSigningKey();
    savePrivateKey(join(at.dir, 'signing.key'), pair.privateKeyPem);
    const statement = join(at.dir, 'statement.json');
    const release = await by.laidOut(await odooRelease('19.0.2'));
    const args = [
      'rehearse',
      '--release',
      release,
      '--from',
      TENANT,
      '--config',
      by.agentFile,
      '--work-dir',
      by.workDir,
    ];
    const load = ['--under-load', '--sessions', '2', '--statement', statement, '--key', join(at.dir, 'signing.key')];
    const agent = spawn(process.execPath, [agentMain, ...args, ...load], { cwd: at.dir });
    let out = '';
    let err = '';
    agent.stdout.on('data', (text) => (out += text));
    agent.stderr.on('data', (text) => (err += text));
    const [code] = await once(agent, 'exit');
    expect({ code, out, err }).toEqual({
      code: 0,
      out: expect.stringMatching(
        /\nUnder load: 2 sessions at work with 19\.0\.1 [\s\S]*\n {4}as its program began: went on from schema 1\n {4}by somebody who holds public\.\w+ for longer than it waits: went on from schema 1\n {4}as it waited for public\.[\s\S]*\n {4}as it had committed once: went on from schema 1\n[\s\S]*\n {4}when it was done and not recorded: went on from schema 1\n {4}when it was recorded, before anybody heard of it: went on from schema 2\n[\s\S]*\n {2}meanwhile: [\d,]+ transactions tried, all turned away, since the tenant is held; the longest waited .*; nobody of the application’s in its database\n[\s\S]*\n {2}The schema, the files and \d+ tables came out as undisturbed\.\n {2}Its restore point came back in .*, while a report was open, after the upgrade was ended .*: every object, every row and every file is as it was before\.\n[\s\S]*\nIt went well\./,
      ),
      err: expect.stringContaining('are turned away'),
    });
    const may = ['evidence' as const];
    const trust = { signers: [{ name: 'ci', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }] };
    const opened = openEvidence(JSON.parse(await readFile(statement, 'utf8')), trust);
    if (!opened.ok) throw new Error(opened.why);
    const { fact } = opened;
    expect(fact.rehearsal).toMatchObject({ ok: true, underLoad: { old: '19.0.1', held: true } });
    const { verification } = fact.rehearsal!.underLoad!;
    const facts = soundFacts(Date.now(), { evidence: [fact], verification, serving: ['19.0.1'] });
    const params = { from: `shared/${TENANT}`, maxAgeMs: 3_600_000, longestStallMs: 1_800_000, equal: true };
    const judge = (serving: readonly string[]) =>
      rehearsed.judge(
        { ...params, business: 'new', underLoad: true },
        { ...facts, serving, release: { ...facts.release, digest: fact.subject } },
        { kind: 'promotion' },
      );
    expect(judge(['19.0.1'])).toMatchObject({
      verdict: 'pass',
      because: expect.stringMatching(/users of 19\.0\.1 were turned away meanwhile/),
    });
    expect(judge(['19.0.0'])).toMatchObject({ verdict: 'no-data' });
    expect((await readdir(by.workDir)).filter((name) => name.startsWith('rehearsal-'))).toEqual([]);
  });

  test('finds out what counts twice when it is tried twice, what a transaction doesn’t take back, and who gets in', async () => {
    const script = `import os, uuid
from odoo.tools import config


def migrate(cr, version):
    cr.execute('create table if not exists hg_twice (n int)')
    cr.execute('insert into hg_twice values (1)')
    cr.commit()
    folder = os.path.join(config.filestore(cr.dbname), '00')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, uuid.uuid4().hex), 'w') as mark:
        mark.write('was here')
`;
    // For a moment, until the next try shuts the door again.
    const letIn = async ({ stores, tenant }: TenantCopy): Promise<void> =>
      withClient(await stores.cluster.controlConnection(), async (client) => {
        await client.query(`grant connect on database ${tenant.database} to odoo_rehearsal`);
      });
    let opening: Promise<void> | undefined;
    const { facts, said } = await by.rehearse(
      await odooRelease('19.0.2', (files) => void files.set(FIRST, Buffer.from(script))),
      {
        underLoad: { sessions: 2, everyMs: 50, attempts: 3, seed: 5 },
        heard(line, copy) {
          if (line.includes('are turned away')) opening = letIn(copy);
        },
      },
    );
    await opening;
    const { underLoad } = facts;
    expect(underLoad?.stopped, said).toBeUndefined();
    // Undisturbed nothing is wrong with it.
    expect(facts.comparisons.flatMap(({ differences }) => differences).filter(({ kind }) => kind === 'rows')).toEqual(
      [],
    );
    const doubled = { kind: 'rows', before: 1, after: expect.any(Number) };
    const { differences } = underLoad!.end!;
    expect(differences).toContainEqual({ ...doubled, relation: 'public.hg_twice' });
    expect(differences).toContainEqual({ ...doubled, relation: 'filestore', before: expect.any(Number) });
    expect(underLoad!.held!.sessions).toBeGreaterThan(0);
    // It doesn't need an upgrade that can be repeated to come back.
    expect(underLoad!.held!.restored?.differences).toEqual([]);
    const { ok, because } = judgeRehearsal(facts);
    expect(ok).toBe(false);
    expect(because.join('\n')).toMatch(/sessions of 19\.0\.1 were in the database while its tenant was held/);
  });
});
