import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { digestOfJson } from '@headgate/documents/digest';
import { encodeCall } from '@headgate/documents/xml-rpc/index';
import type { Answer } from '@headgate/execution';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BroughtUpCell } from './bring-up/cell.ts';
import type { ExampleCell } from './bring-up/example-cells.ts';
import { cellConfigOf, openLayout } from './bring-up/layout.ts';
import { odooRelease } from './build.ts';
import { odooRequest } from './load/odoo-client.ts';
import { odooParts } from './parts/index.ts';
import { OWN, verificationIn } from './testing/business.ts';
import { odooMissing } from './testing/required.ts';
import { stepWith } from './testing/upgrades.ts';

const missing = await odooMissing();
const PATTERN = '{year}-{month}/{project}';
const DEDICATED: ExampleCell = {
  cell: 'odoo-dedicated',
  environment: 'production',
  tenants: [{ id: 'solo', ring: 'broad', name: 'Solo', referencePattern: PATTERN }],
  serving: 'dedicated',
};
const SHARED: ExampleCell = {
  cell: 'odoo-shared',
  environment: 'production',
  tenants: ['birch', 'cedar'].map((id) => ({ id, ring: 'broad', name: id, referencePattern: PATTERN })),
};

describe.skipIf(missing)('a dedicated Odoo beside a shared one', () => {
  let dataDir: string;
  let root: string;
  let dedicated: BroughtUpCell;
  let shared: BroughtUpCell;

  beforeAll(async () => {
    const parts = await odooParts();
    dataDir = await mkdtemp(join(tmpdir(), 'headgate-dedicated-'));
    const layout = await openLayout(dataDir, [DEDICATED, SHARED]);
    root = layout.root;
    [dedicated, shared] = [DEDICATED, SHARED].map(
      (cell) => new BroughtUpCell(cell, cellConfigOf(layout, cell, parts)),
    ) as [BroughtUpCell, BroughtUpCell];
    const baseline = await odooRelease('19.0.1');
    for (const cell of [dedicated, shared]) await cell.bringUp(baseline, parts.odoo.sha256);
  });
  afterAll(async () => {
    await dedicated?.stop();
    await shared?.stop();
    for (const dir of [root && join(root, '..'), dataDir]) if (dir) await rm(dir, { recursive: true, force: true });
  });

  const granted = <T>(answer: Answer<T>): T => {
    if (!answer.ok) throw new Error(answer.why);
    return answer.value;
  };
  /** The login page, as the router or a slot itself answers it. */
  const ask = async (url: string, host: string) => {
    const agent = new http.Agent();
    const answer = await odooRequest(agent, {
      url,
      host,
      method: 'GET',
      path: '/web/login',
      timeLimitMs: 30_000,
    });
    agent.destroy();
    return answer;
  };

  test('goes through the same steps as a shared one, which does its business all the while', async () => {
    const verification = await verificationIn(OWN);
    const { manifest, files } = await odooRelease('19.0.2');
    const release = { digest: digestOfJson(manifest), version: manifest.version };
    const [migration] = manifest.migrations;
    const { up, ...named } = migration!;
    const step = () => stepWith({ blobs: files }, { cell: DEDICATED.cell });
    const [solo, others] = [await openOdooCell(dedicated.config), await openOdooCell(shared.config)];
    try {
      const before = await others.traffic.read();
      const observed = await others.target.observe('blue');
      expect(await solo.checks.run(verification, 'solo', 'blue', step())).toMatchObject({
        ok: true,
      });
      granted(await solo.target.deploy('green', release, manifest, step()));
      granted(await solo.traffic.hold(['solo'], step()));
      expect(await ask(dedicated.url, dedicated.host('solo'))).toMatchObject({ kind: 'turned-away' });
      granted(await solo.restorePoints.take('solo', step()));
      const upgrading = solo.migrator.up(
        'solo',
        { ...named, file: up },
        Buffer.from(files.get(up.digest)!).toString(),
        step(),
      );
      expect(await others.checks.run(verification, 'birch', 'blue', step())).toMatchObject({
        ok: true,
      });
      expect(granted(await upgrading)).toMatchObject({ version: 2 });
      granted(await solo.traffic.route(['solo'], 'green', step()));
      expect(await solo.checks.run(verification, 'solo', 'green', step())).toEqual({
        ok: true,
        passed: 3,
      });
      granted(await solo.traffic.open(['solo'], step()));
      expect((await ask(dedicated.url, dedicated.host('solo'))).kind).toBe('ok');
      expect(await solo.traffic.read()).toMatchObject([
        { tenant: 'solo', router: 'green', workers: 'green', held: false },
      ]);
      expect(await others.traffic.read()).toEqual(before);
      expect(await others.target.observe('blue')).toEqual(observed);
    } finally {
      await solo.close();
      await others.close();
    }
  });

  test('gives a request that names another database nothing of it', async () => {
    const slot = `http://127.0.0.1:${dedicated.config.slots.green}`;
    // Another database of the same cluster, which a login of the slot could open by Odoo's own rules.
    await withClient(await dedicated.stores.cluster.connection(), async (client) => {
      await client.query('create database other owner odoo template template_ps');
      await client.query('revoke connect on database other from public, odoo');
    });
    const byHeader = await fetch(`${slot}/json/2/res.users/context_get`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-odoo-database': 'other', authorization: 'Bearer x' },
      body: '{}',
    });
    expect(byHeader.ok).toBe(false);
    const byPage = await fetch(`${slot}/web/login?db=other`, { redirect: 'manual' });
    expect(await byPage.text()).not.toMatch(/database "?other/);
    const list = await fetch(`${slot}/xmlrpc/2/db`, { method: 'POST', body: encodeCall('list', []) });
    expect(await list.text()).toMatch(/<fault>[\s\S]*Access/);
    for (const database of ['other', 'template_ps', 'birch']) {
      const call = encodeCall('authenticate', [database, 'admin', 'admin', {}]);
      const answer = await fetch(`${slot}/xmlrpc/2/common`, { method: 'POST', body: call });
      expect(await answer.text()).toContain('<fault>');
    }
    expect((await ask(dedicated.url, dedicated.host('birch'))).kind).toBe('failed');
  });
});
