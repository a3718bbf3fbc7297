/** npm itself, against a registry on loopback that has advisories, has none, or knows no such question. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { audit, auditOf, lineOf } from './audit.ts';

let folder: string;
let registry: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-audit-'));
  const root = { name: 'a', version: '1.0.0', dependencies: { planted: '1.0.0' } };
  await writeFile(join(folder, 'package.json'), JSON.stringify(root));
  const packages = { '': root, 'node_modules/planted': { version: '1.0.0' } };
  const lock = { name: 'a', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
});
afterEach(async () => {
  await new Promise((done) => (registry === undefined ? done(undefined) : registry.close(done)));
  registry = undefined;
  await rm(folder, { recursive: true });
});

/** What npm says of the folder when the registry answers the question for advisories so. */
async function audited(status: number, advisories: unknown) {
  registry = createServer((request, response) => {
    request.resume();
    const asked = request.url?.includes('/security/') === true;
    const packument = {
      name: 'planted',
      'dist-tags': { latest: '1.0.0' },
      versions: { '1.0.0': { name: 'planted', version: '1.0.0' } },
    };
    response.writeHead(asked ? status : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(asked ? advisories : packument));
  });
  await new Promise<void>((done) => registry?.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  const cache = join(folder, 'cache');
  return audit(folder, { ...env, npm_config_registry: url, npm_config_cache: cache, npm_config_fetch_retries: '0' });
}

test('no advisory is clean, and says about how many packages', async () => {
  expect(lineOf(await audited(200, {}))).toBe('dependency audit: clean (1 packages)');
});

test('an advisory is counted, with the package that it is about', async () => {
  const found = await audited(200, {
    planted: [
      { id: 7, url: 'about:7', title: 'planted', severity: 'high', vulnerable_versions: '<2.0.0', cwe: [], cvss: {} },
    ],
  });
  expect(found).toEqual({ kind: 'advisories', count: 1, packages: ['planted'] });
});

test.each([404, 500])(
  'a registry that answers %i gave no advisories: that is not checked, and never clean',
  async (status) => {
    expect(lineOf(await audited(status, { error: 'no such thing' }))).toBe(
      'dependency audit: not checked: the registry gave no advisories',
    );
  },
);

test.each([
  ['', 'npm gave no report'],
  ['{}', 'the registry gave no advisories'],
  ['{"vulnerabilities": {}, "metadata": {"dependencies": {"total": 0}}}', 'npm looked at no package'],
])('%j is no report', (said, why) => {
  expect(auditOf(said)).toEqual({ kind: 'not-checked', why });
});
