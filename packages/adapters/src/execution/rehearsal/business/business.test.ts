import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeRehearsal, type RehearsalFacts, rehearsalEvidence } from '@headgate/domain/rehearsal/rehearsal';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { allPids, cwdOf } from '../../../machine/processes-in.ts';
import { runAs } from '../../../machine/run-as.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import type { CellConfig } from '../../cell-config.ts';
import { parseCellConfig } from '../../cell-config.ts';
import { findTools } from '../../external-store/postgres-tools.ts';
import { copyFromDump } from '../copy-from-dump.ts';
import { type CopyServer, givenServer, ownServer } from '../copy-server.ts';
import { rehearse } from '../rehearse.ts';
import { migrationsOf, type ShopStore, shopStore } from '../testing/shop.ts';
import { copyEnvironment } from './copy-environment.ts';
import type { ReleaseWithFiles } from './serving-releases.ts';
import { billing, serve, shopCell, shopRelease } from './testing/shop-cell.ts';

const tools = await findTools(15, undefined);
const user = runAs();
const bounds = { deadlineMs: 60_000, signal: new AbortController().signal };

let shop: ShopStore;
let root: string;
let cells = 0;
beforeAll(async () => {
  shop = await shopStore();
  root = join(shop.real.dir, 'rehearsals');
  await mkdir(root, { mode: 0o755 });
});
afterAll(() => shop?.real.remove());

async function cell(rehearsal: object | null = {}): Promise<CellConfig> {
  const dir = join(shop.real.dir, `cell-${++cells}`);
  await mkdir(dir, { mode: 0o755 });
  return shopCell(shop, dir, user, rehearsal ?? undefined);
}

const ADDED = migrationsOf(['alter table invoice add column paid boolean', 'alter table invoice drop column paid']);
const RENAMED = migrationsOf([
  'alter table invoice rename column note to memo',
  'alter table invoice rename column memo to note',
]);
const OLD = shopRelease('1.0.0', 'note');
const BILLING = { name: 'billing', digest: expect.stringMatching(/^sha256:/) };

describe.skipIf(tools === undefined)('Business transactions on the migrated copy', { timeout: 180_000 }, () => {
  let onto: CopyServer;
  let printed: string[];
  beforeAll(async () => {
    onto = await ownServer(root, 15);
  });
  afterAll(() => onto?.close());
  beforeEach(() => {
    printed = [];
  });
  // Whatever came of it: nothing that was started is left, nor any folder of it.
  afterEach(async () => {
    const left = allPids().filter((pid) => cwdOf(pid).startsWith(root) && cwdOf(pid).includes('/programs/'));
    expect(left).toEqual([]);
  });

  async function on(
    config: CellConfig,
    release: ReleaseWithFiles,
    migrations = ADDED,
    verification = billing(),
    server = onto,
  ): Promise<RehearsalFacts> {
    const work = join(shop.real.dir, 'work');
    const copy = await copyFromDump({ source: shop.source, onto: server, workDir: work, ...bounds });
    const detail = (words: string): void => void printed.push(words);
    const asked = { config, store: 'main', verification, release, workDir: root, signal: bounds.signal };
    try {
      return await rehearse({
        ...{ copy, from: { store: 'main' }, migrations, how: 'headgate', lockWaitMs: 10_000, mostTables: 4 },
        ...{ statements: { source: 'none', texts: [] }, now: () => 1_000, say: () => {} },
        business: { ...asked, say: () => {}, detail },
      });
    } finally {
      await copy.remove();
    }
  }

  test('both versions go well, old before new, and what they write disturbs no comparison and no database', async () => {
    const config = await cell();
    await serve(config, 'blue', OLD);
    const before = await readdir(root);
    const count = 'select count(*)::int as n from invoice';
    const { rows } = await withClient(shop.owner, (client) => client.query(count));
    const facts = await on(config, shopRelease('1.1.0', 'note'));
    expect(facts.business).toMatchObject({
      verification: { name: 'billing' },
      runs: [
        { which: 'old', release: { version: '1.0.0' }, components: ['web'], tenants: 2, transactions: 2, failures: [] },
        { which: 'new', release: { version: '1.1.0' }, components: ['web'], tenants: 2, transactions: 2, failures: [] },
      ],
    });
    expect(facts.comparisons.map(({ differences }) => differences)).toEqual([[], []]);
    expect(judgeRehearsal(facts)).toMatchObject({ ok: true, wayBack: 'equal' });
    expect(rehearsalEvidence(facts).business).toEqual({ old: ['1.0.0'], new: true, verification: BILLING });
    expect(facts.missing.join()).not.toContain('business');
    expect((await withClient(shop.owner, (client) => client.query(count))).rows).toEqual(rows);
    expect(await readdir(root)).toEqual(before);
  });

  test('an old version that breaks on the new schema is caught, with its check, what it expected and what came', async () => {
    const config = await cell();
    await serve(config, 'blue', OLD);
    const facts = await on(config, shopRelease('1.1.0', 'memo'), RENAMED);
    const { ok, because } = judgeRehearsal(facts);
    expect(ok).toBe(false);
    expect(because).toEqual([
      'business transactions of the old version 1.0.0 on the new schema: acme, bill/post: expected $statusCode == 201, found 500',
      'business transactions of the old version 1.0.0 on the new schema: umbra, bill/post: expected $statusCode == 201, found 500',
    ]);
    expect(rehearsalEvidence(facts).business).toEqual({ old: [], new: true, verification: BILLING });
    expect(printed.join()).toContain('column "note" of relation "invoice" does not exist');
    expect(JSON.stringify(facts)).not.toContain('does not exist');
  });

  test('a new version that breaks is caught, and so is one that doesn’t start', async () => {
    const config = await cell();
    await serve(config, 'blue', OLD);
    const broken = judgeRehearsal(await on(config, shopRelease('1.1.0', 'memo')));
    expect(broken.because[0]).toBe(
      'business transactions of the new version 1.1.0 on the new schema: acme, bill/post: expected $statusCode == 201, found 500',
    );
    const source = `console.log('no such setting'); process.exit(3)`;
    const facts = await on(config, shopRelease('1.2.0', 'note', { source }));
    expect(judgeRehearsal(facts).because).toEqual([
      'business transactions of the new version 1.2.0 on the new schema: it doesn’t start on the copy: slot blue: web ended while it started',
    ]);
    expect(printed.join()).toContain('no such setting');
    expect(facts.business?.runs[0]).toMatchObject({ which: 'old', failures: [] });
  });

  test('what isn’t run is said, and counts for nothing: no rehearsal declared, nothing serves, a schema of nobody’s', async () => {
    const undeclared = await cell(null);
    await serve(undeclared, 'blue', OLD);
    const none = await on(undeclared, shopRelease('1.1.0', 'note'));
    expect(none.business).toBeUndefined();
    expect(none.missing).toContain(
      'no business transactions were run: the configuration of the cell shared doesn’t say how its application is started on a copy (rehearsal)',
    );
    expect(rehearsalEvidence(none)).not.toHaveProperty('business');

    const nothing = await on(await cell(), shopRelease('1.1.0', 'note'));
    expect(nothing.missing).toContain(
      'no business transactions of an old version were run: no other one than 1.1.0 serves in the cell shared',
    );
    expect(rehearsalEvidence(nothing).business).toEqual({ old: [], new: true, verification: BILLING });

    const narrow = await cell();
    await serve(narrow, 'green', shopRelease('0.9.0', 'note', { schemaRange: { min: 0, max: 0 } }));
    const facts = await on(narrow, shopRelease('1.1.0', 'note'));
    expect(facts.missing).toContain(
      'no business transactions of an old version were run: 0.9.0 is for the schemas 0 to 0, and doesn’t run on 1',
    );
    expect(rehearsalEvidence(facts).business).toEqual({ old: [], new: true, verification: BILLING });
  });

  test('they aren’t run where the copy never came to the new schema', async () => {
    const config = await cell();
    await serve(config, 'blue', OLD);
    const facts = await on(
      config,
      shopRelease('1.1.0', 'note'),
      migrationsOf(['alter table nowhere add column a int']),
    );
    expect(facts.business).toBeUndefined();
    expect(facts.missing).toContain('no business transactions were run: the copy didn’t come to the new schema');
  });

  test('only the components and tenants that are named, and nothing of the cell’s environment that isn’t kept', async () => {
    const steps = [
      {
        stepId: 'variables',
        request: { method: 'GET', path: '/t/{$inputs.tenant}/variables' },
        successCriteria: [
          {
            condition: `$response.body#/names == 'DATABASE_URL HEADGATE_RUN HOST LANGUAGE PATH PG_HOME PORT SLOT'`,
          },
        ],
      },
    ];
    const config = await cell({ keep: ['LANGUAGE'], tenants: ['umbra'], components: ['web', 'worker'] });
    await serve(config, 'blue', OLD);
    const facts = await on(config, OLD, ADDED, billing(steps));
    expect(facts.business?.runs).toMatchObject([
      { which: 'new', components: ['web', 'worker'], tenants: 1, failures: [] },
    ]);
    expect(facts.missing).toContain('business transactions of 1 of the store’s 2 tenants');
  });

  test('on somebody else’s server the application’s own login stays as it was', async () => {
    const config = await cell();
    await serve(config, 'blue', OLD);
    const given = await givenServer({ file: shop.files.adminUrl });
    const facts = await on(config, shopRelease('1.1.0', 'note'), ADDED, billing(), given);
    expect(rehearsalEvidence(facts).business).toEqual({ old: ['1.0.0'], new: true, verification: BILLING });
    await withClient(shop.owner, (client) => client.query('select 1'));
    const left = await withClient(await shop.store.cluster.controlConnection(), (client) =>
      client.query(`select rolname from pg_roles where rolname like 'headgate_migrator_%' and rolcanlogin`),
    );
    expect(left.rows).toEqual([]);
  });
});

test('a copy’s environment has its own database’s URL alone, and what rehearsal says wins', async () => {
  const config = await cell({ keep: ['LANGUAGE', 'PAYMENT_FILE'], env: { PAYMENT_URL: 'http://127.0.0.1:9' } });
  const dir = await mkdtemp(join(tmpdir(), 'headgate-copy-environment-'));
  try {
    const { rehearsal } = config;
    const of = { config, rehearsal: rehearsal!, store: 'main', url: 'postgres://copy', slot: 'blue', dir, user };
    expect(await copyEnvironment(of)).toEqual({
      SLOT: 'blue',
      LANGUAGE: 'de',
      PAYMENT_URL: 'http://127.0.0.1:9',
      PAYMENT_FILE: join(dir, 'secrets', 'PAYMENT_FILE'),
      DATABASE_URL: 'postgres://copy',
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('a cell’s rehearsal that doesn’t fit the cell is told part by part', async () => {
  const config = await cell();
  const wrong = {
    keep: ['NOBODYS', 'LANGUAGE'],
    env: { LANGUAGE: 'en' },
    tenants: ['gone'],
    components: ['worker', 'x'],
  };
  expect(() => parseCellConfig({ ...config, rehearsal: wrong })).toThrow(
    [
      'rehearsal.keep: the cell has no variable NOBODYS',
      'rehearsal.keep: LANGUAGE is set by rehearsal, too',
      'rehearsal.tenants: there is no tenant gone',
      'rehearsal.components: no slot has a component x',
      'rehearsal.components: web, which takes the requests, has to be among them',
    ].join('\n'),
  );
});
