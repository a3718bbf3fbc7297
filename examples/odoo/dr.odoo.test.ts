/** `headgate-agent dr …` of a cell of Odoo: exercised in a place that is gone again, lost, and rebuilt for good in another one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { filestoreDir, findStore } from '@headgate/adapters/execution/odoo/index';
import { alive, identify } from '@headgate/adapters/machine/process-identity';
import { processesBelow } from '@headgate/adapters/machine/processes-in';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BroughtUpCell } from './bring-up/cell.ts';
import { numbersWrong, postInvoice, tenantState } from './demo/tenant-state.ts';
import { type LostOdoo, lostOdoo } from './testing/lost-odoo.ts';
import { odooMissing } from './testing/required.ts';
import { filesBelow } from './testing/stand.ts';

const agentMain = join(import.meta.dirname, '..', '..', 'packages', 'agent', 'src', 'main.ts');
const STANDS = ['--as', 'usr_ann', '--because', 'the disk died'];
const TENANTS = ['aspen', 'birch'];
const missing = await odooMissing();

describe.skipIf(missing)('a cell of Odoo that is lost', { timeout: 900_000 }, () => {
  let lost: LostOdoo;
  beforeAll(async () => {
    lost = await lostOdoo('erp', TENANTS);
  }, 900_000);
  afterAll(() => lost?.remove());

  const started = (name: string, ...args: string[]): ChildProcess =>
    spawn(process.execPath, [agentMain, 'dr', name, ...lost.options, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  /** As a person types it. */
  const dr = (name: string, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> =>
    new Promise((done) => {
      const child = started(name, ...args);
      const said = { out: '', err: '' };
      child.stdout!.on('data', (chunk) => (said.out += String(chunk)));
      child.stderr!.on('data', (chunk) => (said.err += String(chunk)));
      child.once('close', (code) => done({ code, ...said }));
    });
  /** The same, ended by kill -9 once it has said that. */
  const killedAt = (words: string, name: string, ...args: string[]): Promise<void> =>
    new Promise((done, fail) => {
      const child = started(name, ...args);
      let said = '';
      child.stderr!.on('data', (chunk) => {
        said += String(chunk);
        if (said.includes(words)) child.kill('SIGKILL');
      });
      child.once('exit', (_code, signal) => (signal === 'SIGKILL' ? done() : fail(new Error(said))));
    });
  const exercises = async (): Promise<readonly string[]> =>
    (await readdir(lost.workDir)).filter((name) => name.startsWith('exercise-'));
  const invoices = async (cell: BroughtUpCell, tenant: string): Promise<readonly string[]> =>
    withClient(await cell.stores.cluster.connection(tenant), async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `select name from account_move where state = 'posted' order by name`,
      );
      return rows.map(({ name }) => name);
    });
  const filesOf = async (cell: BroughtUpCell, tenant: string): Promise<ReadonlyMap<string, string>> => {
    const files = await filesBelow(filestoreDir(cell.stores, findStore(cell.stores, tenant)));
    const kept = [...files].filter(([path]) => !path.startsWith('checklist'));
    return new Map(kept.map(([path, bytes]) => [path, createHash('sha1').update(bytes).digest('hex')]));
  };

  test('a tenant without a restore point is named, and nothing is begun', async () => {
    await lost.seal('aspen');
    for (const name of ['plan', 'exercise', 'rebuild'])
      expect(await dr(name, ...(name === 'rebuild' ? STANDS : [])), name).toMatchObject({
        code: 1,
        err: expect.stringMatching(/nothing was begun:[\s\S]*store birch: no restore point of the store birch lies in/),
      });
    expect(await exercises()).toEqual([]);
  });

  test('the plan has the server before tenants, and the runbook the same steps with their commands', async () => {
    await lost.seal('birch');
    const plan = await dr('plan', '--json');
    expect(plan, plan.err).toMatchObject({ code: 0 });
    const ids = JSON.parse(plan.out).plan.steps.map(({ id }: { id: string }) => id);
    expect(ids).toEqual(['server', 'store/aspen', 'store/birch', 'application/blue', 'traffic']);
    const runbook = await dr('runbook');
    for (const id of ids) expect(runbook.out).toContain(`--because "…" --step ${id}\n`);
    expect(runbook.out).toContain('The tenant birch comes back: its database birch');
  });

  describe('sabotage: an exercise of', () => {
    const manifestOf = async (point: string, change: (manifest: Manifest) => void): Promise<void> => {
      const file = join(point, 'manifest.json');
      const manifest = JSON.parse(await readFile(file, 'utf8')) as Manifest;
      change(manifest);
      await writeFile(file, JSON.stringify(manifest));
    };
    const attachment = ({ files }: Manifest): Manifest['files'][number] =>
      files.find(({ path }) => /^filestore\/[0-9a-f]{2}\/[0-9a-f]{40}$/.test(path))!;
    /** Of a restore point that is spoilt like this; it lies in the vault no more afterwards. */
    const exercised = async (change: (point: string) => Promise<void>, ...args: string[]) => {
      await lost.seal('aspen', change);
      try {
        return await dr('exercise', ...args);
      } finally {
        await lost.forget('aspen');
        expect(await exercises()).toEqual([]);
      }
    };

    test('a dump that lacks a row', async () => {
      const ran = await exercised((point) =>
        manifestOf(point, ({ census }) => {
          census.tables.find(({ relation }) => relation === 'public.account_move')!.rows += 1;
        }),
      );
      expect(ran).toMatchObject({
        code: 1,
        out: expect.stringMatching(
          /RTO: no business transaction[\s\S]*WRONG: store\/aspen: rp-.* public\.account_move came back with \d+ rows, \d+ were promised/,
        ),
      });
    });

    test('a filestore that lacks a file', async () => {
      const ran = await exercised((point) =>
        manifestOf(point, (manifest) => {
          const gone = attachment(manifest);
          manifest.files = manifest.files.filter((each) => each !== gone);
        }),
      );
      expect(ran.out).toMatch(/WRONG: store\/aspen: .*1 attachments have no file after restoring; there were 0 before/);
      expect(ran.code).toBe(1);
    });

    test('a part with a flipped byte in the vault', async () => {
      const id = await lost.seal('aspen');
      const dir = join(lost.vaultDir, 'points', 'production', 'erp', 'aspen', id);
      const part = join(dir, (await readdir(dir)).find((name) => name.startsWith('files-'))!);
      const bytes = await readFile(part);
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      await writeFile(part, bytes);
      try {
        expect(await dr('exercise')).toMatchObject({
          code: 1,
          out: expect.stringMatching(
            /WRONG: store\/aspen: the part files-\d+ of rp-.* (isn't what was sealed|can't be decrypted)/,
          ),
        });
      } finally {
        await lost.forget('aspen');
      }
    });

    test('a release whose modules aren’t those of the databases: nobody is led there', async () => {
      const ran = await dr('exercise', '--release', await lost.otherModule());
      expect(ran).toMatchObject({
        code: 1,
        out: expect.stringMatching(
          /WRONG: application\/blue: 19\.0\.1 isn’t what ran on these databases: aspen: the module headgate_ps is at 19\.0\.1\.0\.1, expected 19\.0\.1\.0\.9/,
        ),
      });
      expect(ran.out).not.toContain('tenants led');
    });

    test('a file that was changed before the restore point was taken: it comes back, and isn’t taken for sound', async () => {
      const ran = await exercised(async (point) => {
        await manifestOf(point, (manifest) => {
          const flipped = attachment(manifest);
          flipped.sha256 = createHash('sha256').update('x'.repeat(flipped.size)).digest('hex');
        });
        const { files } = JSON.parse(await readFile(join(point, 'manifest.json'), 'utf8')) as Manifest;
        const { path, size } = attachment({ files } as Manifest);
        await writeFile(join(point, path), 'x'.repeat(size));
      });
      expect(ran).toMatchObject({
        code: 1,
        out: expect.stringMatching(
          /done {2}traffic[\s\S]*WRONG: aspen: 1 attachment’s file isn’t what the database says; it was so when/,
        ),
      });
    });
  });

  test('an exercise that was killed goes with the next one, which goes well, and leaves nothing', async () => {
    const with_ = ['--verification', lost.verificationFile];
    await killedAt('birch: its database and its filestore', 'exercise', ...with_);
    const [left] = await exercises();
    const runs = (await processesBelow(join(lost.workDir, left!))).flatMap((pid) => identify(pid) ?? []);
    expect(runs.length).toBeGreaterThan(0);
    const before = await Promise.all(TENANTS.map((tenant) => invoices(lost.cell, tenant)));
    const ran = await dr('exercise', ...with_, '--rto', '3600', '--rpo', '36000');
    expect(ran, ran.err).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /2 tenants led to 19\.0\.1\n.*4 business transactions went well\n {2}RTO: .* until the first business transaction\n {2}RPO: .*\nIt went well\.\n$/s,
      ),
    });
    expect(ran.out).toMatch(
      /aspen from rp-.*: \d+ rows in \d+ tables compared; \d+ files compared; \d+ attachments compared;/,
    );
    expect(await exercises()).toEqual([]);
    expect(runs.filter(alive)).toEqual([]);
    expect(await Promise.all(TENANTS.map((tenant) => invoices(lost.cell, tenant)))).toEqual(before);
    // From there the next plan knows how long each step takes.
    expect((await dr('plan')).out).toMatch(/5 steps, .* when it was last exercised:/);
  });

  test('is rebuilt in another place, killed and gone on with: invoices, files, modules; the next number follows', async () => {
    const kept: string[] = [];
    for (const tenant of TENANTS) {
      kept.push(await postInvoice(lost.cell, tenant));
      await lost.seal(tenant);
    }
    const after = await postInvoice(lost.cell, 'birch');
    const was = await Promise.all(
      TENANTS.map(async (tenant) => ({
        ...{ invoices: (await invoices(lost.cell, tenant)).filter((each) => each !== after) },
        ...{ files: await filesOf(lost.cell, tenant), state: await tenantState(lost.cell, tenant) },
      })),
    );
    await lost.lose();
    const there = await lost.elsewhere();
    await mkdir(there.config.postgresql.clusterDir, { recursive: true });
    await writeFile(join(there.config.postgresql.clusterDir, 'theirs'), '');
    expect(await dr('rebuild', ...STANDS)).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /nothing was begun:[\s\S]*postgresql\.clusterDir: .* isn’t empty, and nothing is written/,
      ),
    });
    await rm(dirname(there.config.dir), { recursive: true });
    expect(await dr('rebuild', ...STANDS, '--step', 'traffic')).toMatchObject({
      code: 1,
      err: expect.stringContaining('step traffic: application/blue isn’t done yet'),
    });

    await killedAt('birch: rows, files and attachments are compared', 'rebuild', ...STANDS);
    // As one that was killed a moment later leaves it: noted, its files in their place, and no database of its name.
    const file = join(there.config.dir, 'rebuild.json');
    const record = JSON.parse(await readFile(file, 'utf8'));
    expect(Object.keys(record.done)).toEqual(['server', 'store/aspen']);
    await writeFile(file, JSON.stringify({ ...record, done: { ...record.done, 'store/birch': { at: 1 } } }));
    const half = filestoreDir(there.stores, findStore(there.stores, 'birch'));
    await mkdir(half, { recursive: true });
    await writeFile(join(half, 'half'), '');

    const ran = await dr('rebuild', ...STANDS);
    expect(ran, ran.err).toMatchObject({
      code: 0,
      out: expect.stringMatching(/erp \(production\) stands again, by usr_ann: the disk died\n.*leads 2 tenants/),
      err: expect.stringContaining('store/aspen: it is done already'),
    });
    for (const [i, tenant] of TENANTS.entries()) {
      expect(await invoices(there, tenant)).toEqual(was[i]!.invoices);
      expect(was[i]!.invoices).toContain(kept[i]);
      expect(await filesOf(there, tenant)).toEqual(was[i]!.files);
      const { databaseOid: _, ...state } = await tenantState(there, tenant);
      expect(was[i]!.state).toMatchObject(state);
    }
    // What came after the restore point is lost, so its number is the next one.
    expect(await postInvoice(there, 'birch')).toBe(after);
    expect(await numbersWrong(there, 'birch')).toEqual([]);
    expect((await readdir(join(there.config.dir, 'odoo', 'birch'))).includes('rebuilding')).toBe(false);
    const databases = await withClient(await there.stores.cluster.connection(), async (client) => {
      const { rows } = await client.query('select datname from pg_database order by 1');
      return rows.map(({ datname }) => datname);
    });
    expect(databases).toEqual(['aspen', 'birch', 'headgate', 'postgres', 'template0', 'template1']);
    // A later call finds nothing to do.
    expect(await dr('rebuild', ...STANDS, '--step', 'store/birch')).toMatchObject({
      code: 0,
      err: expect.stringContaining('store/birch: it is done already'),
    });
    expect(await postInvoice(there, 'aspen')).toMatch(/\d$/);
  });
});

interface Manifest {
  readonly census: { readonly tables: { relation: string; rows: number }[] };
  files: { readonly path: string; readonly size: number; sha256: string }[];
}
