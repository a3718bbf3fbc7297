/** What ran last in a cell, as the log says it; or as a person does, where the log can't be asked. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalBytes } from '@headgate/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import type { CellToRebuild } from './cell-to-rebuild.ts';
import { servingIn } from './serving.ts';

let dir: string;
let sealed: SealedPlan;
let server: ScriptedServer;
const signal = new AbortController().signal;
const CELL = {
  ...{ cell: 'shared', environment: 'production', application: 'psa', slots: { blue: {}, green: {} } },
  tenants: { ada: { store: 'main', ring: 'internal' }, bob: { store: 'main', ring: 'broad' } },
} as unknown as CellToRebuild;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-serving-'));
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  sealed = sealedPlan();
  server = await ScriptedServer.start(sealed);
});
afterEach(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const asked = (more: { readonly releaseDir?: string; readonly tokenFile?: string | undefined } = {}) =>
  servingIn({
    ...{ config: { server: server.url, dataDir: join(dir, 'data') }, cell: CELL, trust: sealed.trust, signal },
    ...{ releaseDir: undefined, tokenFile: join(dir, 'token'), ...more },
  });
const ran = (slots: Record<string, unknown>, tenants: Record<string, string>) => ({
  ...{ cell: 'shared', application: 'psa', environment: 'production', slots, stores: {} },
  tenants: Object.fromEntries(Object.entries(tenants).map(([t, slot]) => [t, { slot, store: 'main', ring: 'broad' }])),
});
const release = () => ({ release: { digest: sealed.release, version: sealed.manifest.version } });

async function laidOut(name: string, manifest: object): Promise<string> {
  const place = join(dir, name);
  await mkdir(join(place, 'files'), { recursive: true });
  await writeFile(join(place, 'manifest.json'), canonicalBytes(manifest));
  for (const [digest, bytes] of sealed.blobs) await writeFile(join(place, 'files', digest.slice(7)), bytes);
  return place;
}

test('the log says which release served whom in which slot, and has its files', async () => {
  server.desired = ran({ blue: {}, green: release() }, { ada: 'green', bob: 'green' });
  const { serving, releases } = await asked();
  expect(serving).toMatchObject({ by: 'log', slots: [{ slot: 'green', ...release(), tenants: ['ada', 'bob'] }] });
  // What is here now is here when the server is gone.
  await server.stop();
  const files = releases.get(sealed.release)!;
  const { digest } = files.manifest.components[0]!.files[0]!;
  expect(Buffer.from(await files.file(digest)).toString()).toBe('console.log("web")');
});

test('a slot that nobody was led to isn’t started, and a tenant whom nobody served is no one’s', async () => {
  server.desired = ran({ blue: release(), green: release() }, { ada: 'blue' });
  const { serving } = await asked();
  expect(serving).toMatchObject({ slots: [{ slot: 'blue', tenants: ['ada'] }] });
});

test('a log that can’t be asked, and one that knows nothing, say what helps; nothing is taken for granted', async () => {
  expect((await asked({ tokenFile: undefined })).serving).toMatchObject({
    unblock: expect.stringContaining('--token-file FILE'),
  });
  expect((await asked()).serving).toMatchObject({ why: expect.stringContaining('not-permitted') });
  server.desired = null;
  expect((await asked()).serving).toMatchObject({ why: 'the log knows of nothing that ran in shared' });
  server.away = true;
  expect((await asked()).serving).toMatchObject({
    why: expect.stringContaining('can’t be asked'),
    unblock: expect.stringContaining('--release DIR'),
  });
});

test('a release whose bytes are others than the log names is none', async () => {
  server.desired = ran({ green: release() }, { ada: 'green' });
  const [file] = sealed.manifest.components[0]!.files;
  sealed.blobs.set(file!.digest, Buffer.from('something else'));
  await expect(asked()).rejects.toThrow(/hash to/);
});

test('a release that a person names is taken where the log is away, and refused where it says another', async () => {
  const own = await laidOut('own', sealed.manifest);
  server.away = true;
  expect((await asked({ releaseDir: own })).serving).toMatchObject({
    by: 'person',
    slots: [{ slot: 'blue', tenants: ['ada', 'bob'] }],
  });
  server.away = false;
  server.desired = ran({ green: release() }, { ada: 'green' });
  expect((await asked({ releaseDir: own })).serving).toMatchObject({ by: 'log' });
  const other = await laidOut('other', { ...sealed.manifest, version: '9.9.9' });
  expect((await asked({ releaseDir: other })).serving).toMatchObject({
    why: expect.stringMatching(/9\.9\.9 didn’t run last in shared: the log says/),
  });
  const foreign = await laidOut('foreign', { ...sealed.manifest, application: 'shop' });
  expect((await asked({ releaseDir: foreign })).serving).toMatchObject({
    why: expect.stringContaining('is no release of psa'),
  });
});
