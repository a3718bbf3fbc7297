import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import { processesIn } from '@headgate/adapters/machine/processes-in';
import { digestOfJson } from '@headgate/documents/digest';
import type { Digest } from '@headgate/domain';
import type { Answer } from '@headgate/execution';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BroughtUpCell } from './bring-up/cell.ts';
import type { ExampleCell } from './bring-up/example-cells.ts';
import { cellConfigOf, openLayout } from './bring-up/layout.ts';
import { odooRelease } from './build.ts';
import { odooParts } from './parts/index.ts';
import { OWN, verificationIn } from './testing/business.ts';
import { odooMissing } from './testing/required.ts';
import { stepWith } from './testing/upgrades.ts';

const missing = await odooMissing();
const CELL: ExampleCell = {
  cell: 'odoo-prefork',
  environment: 'production',
  workers: 2,
  tenants: ['birch', 'cedar'].map((id) => ({
    id,
    ring: 'broad',
    name: id,
    referencePattern: '{year}-{month}/{project}',
  })),
};

describe.skipIf(missing)('an Odoo with worker processes', () => {
  let dataDir: string;
  let root: string;
  let cell: BroughtUpCell;
  let ports: CellPorts;

  beforeAll(async () => {
    const parts = await odooParts();
    dataDir = await mkdtemp(join(tmpdir(), 'headgate-prefork-'));
    const layout = await openLayout(dataDir, [CELL]);
    root = layout.root;
    cell = new BroughtUpCell(CELL, cellConfigOf(layout, CELL, parts));
    await cell.bringUp(await odooRelease('19.0.1'), parts.odoo.sha256);
    ports = await openOdooCell(cell.config);
  }, 180_000);
  afterAll(async () => {
    await ports?.close();
    await cell?.stop();
    for (const dir of [root && join(root, '..'), dataDir]) if (dir) await rm(dir, { recursive: true, force: true });
  });

  const granted = <T>(answer: Answer<T>): T => {
    if (!answer.ok) throw new Error(answer.why);
    return answer.value;
  };
  const step = (blobs: ReadonlyMap<Digest, Uint8Array> = new Map()) => stepWith({ blobs }, { cell: CELL.cell });
  /** A browser's handshake for the bus, through the router; the status of what comes back. */
  const shakeHands = (tenant: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = {
        host: cell.host(tenant),
        origin: `http://${cell.host(tenant)}`,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      };
      const path = '/websocket?version=19.0-1';
      const request = http.get(new URL(path, cell.url), { headers, agent: false });
      request.on('error', reject);
      request.on('response', (response) => response.resume() && resolve(response.statusCode!));
      request.on('upgrade', (_, socket) => socket.destroy() && resolve(101));
    });
  /** How nice each process of a slot is; of a master, its workers and what keeps the WebSockets there are four. */
  const niceness = async (slot: string): Promise<number[]> => {
    const pids = await processesIn(join(cell.config.dir, 'slots', slot, 'run', 'web'));
    const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8')));
    return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]));
  };

  test('serves two releases side by side, each with WebSockets of its own, and as eagerly as one with threads', async () => {
    const verification = await verificationIn(OWN);
    const { manifest, files } = await odooRelease('19.0.2');
    const release = { digest: digestOfJson(manifest), version: manifest.version };
    granted(await ports.target.deploy('green', release, manifest, step(files)));
    for (const slot of ['blue', 'green']) expect(await niceness(slot)).toEqual([0, 0, 0, 0]);
    expect(await ports.checks.run(verification, 'birch', 'blue', step())).toEqual({ ok: true, passed: 3 });
    expect(await shakeHands('birch')).toBe(101);

    granted(await ports.traffic.hold(['birch'], step()));
    expect(await shakeHands('birch')).toBe(503);
    const [migration] = manifest.migrations;
    const { up, ...named } = migration!;
    const sql = Buffer.from(files.get(up.digest)!).toString();
    granted(await ports.migrator.up('birch', { ...named, file: up }, sql, step(files)));
    granted(await ports.traffic.route(['birch'], 'green', step()));
    granted(await ports.traffic.open(['birch'], step()));
    for (const [tenant, slot] of [
      ['birch', 'green'],
      ['cedar', 'blue'],
    ] as const) {
      expect(await ports.checks.run(verification, tenant, slot, step())).toEqual({ ok: true, passed: 3 });
      expect(await shakeHands(tenant)).toBe(101);
    }
  }, 120_000);
});
