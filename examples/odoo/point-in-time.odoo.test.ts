/**
 * A tenant of the real Odoo, brought back beside itself to a moment by the command that people type: exact to the transaction, with the file of
 * each attachment that it had then, while its neighbour is served.
 */
import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { chown, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { filestoreDir, findStore } from '@headgate/adapters/execution/odoo/index';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import { backUpServer, loggedServer, roundOfLog } from '@headgate/adapters/execution/odoo/server-log';
import { openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { pgbackrestMissing } from '@headgate/adapters/execution/pgbackrest/testing/backed-up-store';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { generateNoteKey } from '@headgate/documents';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BroughtUpCell } from './bring-up/cell.ts';
import type { ExampleCell } from './bring-up/example-cells.ts';
import { cellConfigOf, openLayout } from './bring-up/layout.ts';
import { BASELINE, odooRelease } from './build.ts';
import { postInvoice } from './demo/tenant-state.ts';
import { callOdoo } from './load/odoo-client.ts';
import { odooParts } from './parts/index.ts';
import { odooMissing } from './testing/required.ts';

const missing = (await odooMissing()) ?? (await pgbackrestMissing());
const AGENT = new URL('../../packages/agent/src/main.ts', import.meta.url).pathname;
const ERP: ExampleCell = {
  ...{ cell: 'erp', environment: 'production' },
  tenants: ['aspen', 'birch'].map((id) => ({
    id,
    ring: 'canary',
    name: id,
    referencePattern: '{year}-{month}/{project}',
  })),
};

/** What the agent believes: two keys that nobody uses here. */
function trustText(): string {
  const pem = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return `apiVersion: headgate/v1
kind: Trust
metadata: {name: test, owner: security}
spec:
  signers:
    - name: ci
      may: [release]
      publicKey: ${JSON.stringify(pem)}
  log:
    origin: example.com/log
    keys: ["${generateNoteKey('example.com/log', 'tree-head').verifierKey}"]
`;
}

describe.skipIf(missing)('a tenant of Odoo', () => {
  let dir: string;
  let cell: BroughtUpCell;
  let asked = 0;
  const bounds = { deadlineMs: 240_000, signal: new AbortController().signal };

  beforeAll(async () => {
    const parts = await odooParts();
    dir = await mkdtemp(join(tmpdir(), 'headgate-odoo-moment-'));
    const layout = await openLayout(dir, [ERP]);
    const input = cellConfigOf(layout, ERP, parts);
    const repository = join(layout.root, 'repository');
    await mkdir(repository);
    const passphraseFile = join(layout.root, 'secrets', 'passphrase');
    await writeFile(passphraseFile, 'correct horse battery staple\n', { mode: 0o600 });
    cell = new BroughtUpCell(ERP, {
      ...input,
      postgresql: {
        ...input.postgresql,
        pgbackrest: { stanza: 'erp', repository: { kind: 'folder', dir: repository }, passphraseFile },
      },
    });
    const { user } = cell.stores.odoo;
    if (user) await chown(repository, user.uid, user.gid);
    await cell.bringUp(await odooRelease(BASELINE), parts.odoo.sha256);
    // With its first request Odoo loads a tenant's modules.
    for (const tenant of ['aspen', 'birch']) await call(tenant, 'res.users', 'search', { domain: [] });
    const server = loggedServer(cell.config, cell.stores.cluster)!;
    await backUpServer(server, await openPgBackRest(server), bounds);
    await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
    await writeFile(join(dir, 'trust.yaml'), trustText());
    await writeFile(
      join(dir, 'agent.yaml'),
      `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${join(dir, 'token')}
dataDir: ${join(dir, 'agent')}
trustFile: ${join(dir, 'trust.yaml')}
environments: [{name: production}]
cellFiles: [${cell.configFile}]
`,
    );
  });
  afterAll(async () => {
    await cell?.stop();
    const home = await readlink(join(dir, 'system')).catch(() => undefined);
    if (home !== undefined) await rm(home, { recursive: true, force: true });
    await rm(dir, { recursive: true, force: true });
  });

  const call = async <T>(tenant: string, model: string, method: string, body: unknown): Promise<T> => {
    const keys = JSON.parse(await readFile(cell.tokensFile, 'utf8')) as Record<string, string>;
    return callOdoo<T>(
      { url: cell.url, host: cell.host(tenant), key: keys[tenant]!, timeLimitMs: bounds.deadlineMs },
      model,
      method,
      body,
    );
  };
  /** An invoice of aspen's that is posted, and the contract that is attached to it, as a customer does it. */
  const sell = async (): Promise<{ number: string; contract: string; attachment: number; file: string }> => {
    const number = await postInvoice(cell, 'aspen');
    const contract = `contract of ${number}, ${'clause '.repeat(500)}`;
    const [attachment] = await call<number[]>('aspen', 'ir.attachment', 'create', {
      vals_list: [{ name: `contract ${number}`, datas: Buffer.from(contract).toString('base64') }],
    });
    const sha1 = createHash('sha1').update(contract).digest('hex');
    return { number, contract, attachment: attachment!, file: `${sha1.slice(0, 2)}/${sha1}` };
  };
  const inTenant = async (sql: string): Promise<Record<string, unknown>[]> =>
    withClient(await cell.stores.cluster.connection('aspen'), async (client) => (await client.query(sql)).rows);
  const now = async (): Promise<string> => {
    const [row] = await inTenant(
      `select to_char(clock_timestamp() at time zone 'utc' + interval '1 ms', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, pg_sleep(0.01)`,
    );
    return row!.at as string;
  };

  interface Then {
    readonly out: string;
    readonly numbers: readonly string[];
    /** Those that its rows name, and each is there. */
    readonly named: readonly string[];
    readonly filestore: string;
  }
  /** Brings it back, looks, and ends what runs there. */
  const back = async (args: readonly string[], look: (then: Then) => Promise<void>): Promise<void> => {
    const to = join(tmpdir(), `headgate-odoo-back-${process.pid}-${++asked}`);
    const command = [AGENT, 'recover', '--config', join(dir, 'agent.yaml'), '--store', 'aspen', '--to', to, ...args];
    const { stdout: out, stderr } = await promisify(execFile)(process.execPath, command, { timeout: 240_000 });
    expect(`${out}${stderr}`).not.toContain('correct horse');
    const port = Number(/-p (\d+)/.exec(out)![1]);
    const aside = new Cluster({ dir: join(to, 'cluster'), port }, cell.stores.cluster.programs);
    try {
      const [numbers, named] = await withClient(await aside.connection('aspen'), async (client) => [
        (await client.query(`select name from account_move where state = 'posted' and move_type = 'out_invoice'`)).rows,
        (await client.query('select distinct store_fname as name from ir_attachment where store_fname is not null'))
          .rows,
      ]);
      const names = (rows: { name: string }[]): string[] => rows.map(({ name }) => name).toSorted();
      await look({ out, numbers: names(numbers!), named: names(named!), filestore: join(to, 'filestore') });
    } finally {
      await aside.stop(0);
      await rm(to, { recursive: true, force: true });
    }
  };

  test('comes back to a moment with the invoice just before it and its file, and without the one just after', async () => {
    const first = await sell();
    const at = await now();
    const [second] = [await sell(), await postInvoice(cell, 'birch')];
    const live = await readdir(filestoreDir(cell.stores, findStore(cell.stores, 'aspen')), { recursive: true });
    expect(live).toEqual(expect.arrayContaining([first.file, second.file]));
    await back(['--at', at, '--compare'], async ({ out, numbers, named, filestore }) => {
      expect(numbers).toContain(first.number);
      expect(numbers).not.toContain(second.number);
      const laid = (await readdir(filestore, { recursive: true })).filter((name) => name.includes('/')).toSorted();
      expect(laid).toEqual(named);
      expect(laid).toContain(first.file);
      expect(laid).not.toContain(second.file);
      expect(await readFile(join(filestore, first.file), 'utf8')).toBe(first.contract);
      for (const name of laid) {
        const sha1 = createHash('sha1')
          .update(await readFile(join(filestore, name)))
          .digest('hex');
        expect(name).toBe(`${sha1.slice(0, 2)}/${sha1}`);
      }
      expect(out).toMatch(/modules +as schema 1 has them/);
      // The second invoice; and its attachment, beside what Odoo itself attaches.
      expect(out).toMatch(/^ {2}public\.account_move: \d+ rows → \d+ rows?; [1-9]\d* lost or otherwise/m);
      expect(out).toMatch(/^ {2}public\.ir_attachment: \d+ rows → \d+ rows; [1-9]\d* lost or otherwise/m);
    });
    const numbers = await inTenant(`select name from account_move where name = '${second.number}'`);
    expect(numbers).toHaveLength(1);
    expect(await postInvoice(cell, 'birch')).toMatch(/INV/);
  });

  test('whose attachment was deleted since, and its file with it, has it out of a restore point; without one it is refused', async () => {
    const sold = await sell();
    const at = await now();
    const path = join(filestoreDir(cell.stores, findStore(cell.stores, 'aspen')), sold.file);
    const bytes = await readFile(path);
    await call('aspen', 'ir.attachment', 'unlink', { ids: [sold.attachment] });
    // As Odoo's own vacuum does it, once a day.
    await rm(path);
    const refused = back(['--at', at], async () => {});
    await expect(refused).rejects.toThrow(
      new RegExp(`1 can’t be had: ${sold.file} \\(missing, ${bytes.length} bytes\\)`),
    );
    // A restore point that was taken while the file was there.
    await writeFile(path, bytes);
    const real = await openOdooCell(cell.config);
    let n = 100;
    const ctx = () =>
      stepContext({
        ...{ cell: 'erp', step: `s${++n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } },
        remainingMs: () => bounds.deadlineMs,
      });
    expect(await real.traffic.hold(['aspen'], ctx())).toMatchObject({ ok: true });
    const point = await real.restorePoints.take('aspen', ctx());
    expect(await real.traffic.open(['aspen'], ctx())).toMatchObject({ ok: true });
    if (!point.ok) throw new Error(point.why);
    await real.restorePoints.mark!('aspen', { ...ctx(), rollout: 'prm_1.erp' });
    await real.close();
    await rm(path);
    await back(['--at', at], async ({ out, filestore }) => {
      expect(out).toContain(`1 from the restore point ${point.value.id}`);
      expect(await readFile(join(filestore, sold.file), 'utf8')).toBe(sold.contract);
    });
    const late = await sell();
    await back(['--before', 'prm_1'], async ({ numbers, named }) => {
      expect(numbers).toContain(sold.number);
      expect(numbers).not.toContain(late.number);
      expect(named).not.toContain(sold.file);
    });
  });

  test('is refused where the log lacks a piece, and nothing of it is left', async () => {
    const server = loggedServer(cell.config, cell.stores.cluster)!;
    const own = await openPgBackRest(server);
    await sell();
    const { reach } = await roundOfLog(server, own, bounds);
    const repository = cell.config.postgresql.pgbackrest!.repository as { dir: string };
    const log = join(repository.dir, 'archive', 'erp');
    const piece = (await readdir(log, { recursive: true })).find((name) => name.includes(`/${reach.last}-`))!;
    await rm(join(log, piece));
    await sell();
    await expect(back([], async () => {})).rejects.toThrow(/a piece of it is missing/);
    expect((await roundOfLog(server, own, bounds)).gap).toContain(reach.last);
  });
});
