/** A tenant's restore point of Odoo in a vault, brought back in a drill: its rows, its files, its modules, and its next invoice. */

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DrillAsk, drill } from '@headgate/adapters/execution/drill/index';
import { FolderStore } from '@headgate/adapters/execution/object-store/folder-store';
import { filestoreDir, findStore, OdooRestorePoints } from '@headgate/adapters/execution/odoo/index';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { CellVault } from '@headgate/adapters/execution/vault/cell-vault';
import { VaultConfig } from '@headgate/adapters/execution/vault/vault-config';
import { ownSigner, vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { judgeDrill } from '@headgate/domain';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { odooMissing } from './testing/required.ts';
import { type Stand, stand } from './testing/stand.ts';

/** What of a restore point's manifest is spoilt here. */
interface Spoilt {
  readonly census: { readonly tables: { relation: string; rows: number }[] };
  readonly modules: Record<string, string>;
}

const missing = await odooMissing();

describe.skipIf(missing)('a drill of an Odoo tenant', () => {
  let at: Stand;
  let ask: DrillAsk;
  let seal: (change?: (dir: string) => Promise<void>) => Promise<string>;

  beforeAll(async () => {
    at = await stand(['acme']);
    const stores = { ...at.stores, census: true };
    const store = findStore(stores, 'acme');
    const [vaultDir, workDir] = [join(at.dir, 'vault'), join(at.dir, 'work')];
    await mkdir(vaultDir);
    const { identity, recipient } = await newIdentity();
    const key = await vaultKey(join(at.dir, 'vault-key.pem'));
    const vault = new FolderStore(vaultDir);
    const config = VaultConfig.parse({
      ...{ store: { kind: 'folder', dir: vaultDir }, recipients: [recipient], keyFile: join(at.dir, 'vault-key.pem') },
    });
    const restorePointsDir = join(stores.dir, 'acme', 'restore-points');
    const kept = new CellVault({
      ...{ config, store: vault, key, partBytes: 64 * 1024 * 1024 },
      stores: new Map([['acme', { restorePointsDir, tenants: ['acme'] }]]),
    });
    const points = new OdooRestorePoints(stores, at.door);
    let step = 0;
    seal = async (change) => {
      const ctx = stepContext({ step: `s${++step}`, idempotencyKey: `r1/s${step}`, fence: { epoch: 1, n: step } });
      const taken = await points.take('acme', ctx);
      if (!taken.ok) throw new Error(taken.why);
      const dir = join(restorePointsDir, taken.value.id);
      let { manifest } = taken.value;
      if (change !== undefined) {
        await change(dir);
        const text = await readFile(join(dir, 'manifest.json'), 'utf8');
        manifest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
      }
      const sealed = await kept.keep({ ...taken.value, manifest, verified: true }, ctx);
      if (sealed.kind !== 'sealed') throw new Error(JSON.stringify(sealed));
      return taken.value.id;
    };
    ask = {
      from: { environment: 'production', cell: 'shared', store: 'acme' },
      of: { form: 'dump', odoo: { stores, store } },
      ...{ vault, trust: { signers: [ownSigner(key)] }, identities: [identity], workDir, deadlineMs: 240_000 },
      transactions: {
        command: [process.execPath, join(import.meta.dirname, 'headgate/drill-invoice.ts'), at.addons('19.0.1')],
        timeoutMs: 120_000,
      },
      ...{ signal: new AbortController().signal, now: Date.now, say: () => {} },
    };
  });
  afterAll(() => at?.remove());

  const query = async (sql: string) =>
    withClient(await at.stores.cluster.connection('acme'), async (client) => (await client.query(sql)).rows);
  const posted = `select count(*)::int as n from account_move where state = 'posted'`;

  test('brings back every row and attachment, posts the next invoice on the copy, and touches neither store nor filestore', async () => {
    const before = await query(posted);
    const files = (await readdir(filestoreDir(at.stores, findStore(at.stores, 'acme')), { recursive: true })).length;
    const id = await seal();
    const said: string[] = [];
    const facts = await drill({ ...ask, detail: (words) => void said.push(words) });
    expect(judgeDrill(facts), said.join('\n')).toMatchObject({ ok: true, rtoUntil: 'first-transaction' });
    expect(facts).toMatchObject({ point: { id, form: 'dump' }, schemaVersion: 1, census: { differences: [] } });
    expect(facts.census!.tables).toBeGreaterThan(200);
    expect(facts.files!.compared).toBeGreaterThan(0);
    expect(await query(posted)).toEqual(before);
    expect((await readdir(filestoreDir(at.stores, findStore(at.stores, 'acme')), { recursive: true })).length).toBe(
      files,
    );
    expect((await readdir(join(at.dir, 'work'))).filter((name) => name.startsWith('drill-'))).toEqual([]);
  });

  test('whose invoice can’t be posted did not go well', async () => {
    const journal = `update account_journal set active = `;
    await query(`${journal}false where type = 'sale'`);
    try {
      await seal();
      const facts = await drill(ask);
      expect(judgeDrill(facts)).toMatchObject({
        ok: false,
        because: ['business transactions: their program ended with 1'],
      });
    } finally {
      await query(`${journal}true where type = 'sale'`);
    }
  });

  test('whose rows or modules aren’t what was promised says so', async () => {
    const spoil = async (change: (manifest: Spoilt) => void): Promise<string> =>
      seal(async (dir) => {
        const file = join(dir, 'manifest.json');
        const manifest = JSON.parse(await readFile(file, 'utf8'));
        change(manifest);
        await writeFile(file, JSON.stringify(manifest));
        const digest = createHash('sha256')
          .update(await readFile(file))
          .digest('hex');
        await writeFile(`${dir}.sha256`, `sha256:${digest}\nr1\n`);
      });
    await spoil((manifest) => {
      manifest.census.tables.find(({ relation }) => relation === 'public.account_move')!.rows += 1;
      manifest.modules.headgate_ps = '19.0.9.9.9';
    });
    const result = judgeDrill(await drill({ ...ask, transactions: undefined }));
    expect(result).toMatchObject({
      ok: false,
      because: [expect.stringContaining('public.account_move came back with')],
    });
    await rm(join(at.dir, 'vault', 'points'), { recursive: true });
    await spoil((manifest) => {
      manifest.modules.headgate_ps = '19.0.9.9.9';
    });
    const other = judgeDrill(await drill({ ...ask, transactions: undefined }));
    expect(other).toMatchObject({ ok: false, missing: ['the schema’s version that came back isn’t known'] });
  });
});
