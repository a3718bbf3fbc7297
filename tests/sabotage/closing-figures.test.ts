/**
 * Every figure of the closing table turns when what it measures is made bad on purpose, on the real parts: a figure that
 * can't be made bad isn't a measure. The world is the example's own, with the first promotion of its story.
 */
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { homeFor, readIfThere } from '@headgate/adapters/machine/index';
import { Cluster, findPrograms, withClient } from '@headgate/adapters/postgres-cluster/index';
import { decodeEntry, type LogEntry } from '@headgate/documents';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scriptedApproval } from '../../examples/psa/demo/approvals.ts';
import { type Closing, detectToSafe, firstFailingLookToSafe } from '../../examples/psa/demo/figures.ts';
import { LoadProcess } from '../../examples/psa/demo/load-process.ts';
import { measure, settle } from '../../examples/psa/demo/measure.ts';
import { adopt, type PromotionEnd, promote, release } from '../../examples/psa/demo/story.ts';
import { until } from '../../examples/psa/demo/until.ts';
import { World } from '../../examples/psa/demo/world.ts';
import { type AcknowledgedRequest, readJournal } from '../../examples/psa/load/journal.ts';

let dir: string;
let world: World;
let journalFile: string;
let ends: PromotionEnd[];
let sound: Closing;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-sabotage-'));
  world = await World.start({ dataDir: dir, port: 0, report: () => {} });
  const load = await LoadProcess.start(world.example, dir, 4);
  journalFile = load.journalFile;
  const telling = { world, say: () => {}, approve: scriptedApproval(world) };
  await adopt(telling);
  ends = [await promote(telling, await release(telling, '1.1.0'), 'staging')];
  await load.stop();
  await settle(world);
  sound = await measure(world, journalFile, ends);
});
afterAll(async () => {
  await world?.stop();
  // As root, clusters and processes live in a system folder that the data folder points at; else in the data folder itself.
  const home = await realpath(join(dir, 'system')).catch(() => dir);
  await rm(home, { recursive: true, force: true });
  await rm(dir, { recursive: true, force: true });
});

const figures = () => measure(world, journalFile, ends);

/** The processes that listen where the cells' configurations say: each answers something. */
async function answering(): Promise<number[]> {
  const ports = world.example.cells.flatMap(({ config }) => [
    config.router.listenPort,
    ...Object.values(config.slots).flatMap((slot) => (slot.web ? [slot.web] : [])),
  ]);
  const asked = await Promise.all(
    ports.map((port) =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => [port],
        () => [],
      ),
    ),
  );
  return asked.flat();
}

test('a second world on the same folder is refused, and leaves what it finds there running', async () => {
  const before = await answering();
  const noted = await readIfThere(join(dir, 'demo-processes.json'));
  expect(before.length).toBeGreaterThanOrEqual(6);
  await expect(World.start({ dataDir: dir, port: 0, report: () => {} })).rejects.toThrow(/in use/);
  expect(await answering()).toEqual(before);
  expect(await readIfThere(join(dir, 'demo-processes.json'))).toBe(noted);
});

/** Changes something in a database behind everybody's back, measures, and puts it back. */
async function sabotaged(config: Promise<pg.ClientConfig>, change: string, repair: string): Promise<Closing> {
  return withClient(await config, async (client) => {
    await client.query(change);
    try {
      return await figures();
    } finally {
      await client.query(repair);
    }
  });
}

async function controlDatabase(): Promise<pg.ClientConfig> {
  const programs = await findPrograms(18, dir);
  const home = join(await homeFor(dir, programs.user), 'control-database');
  const port = Number(await readIfThere(join(dir, 'database.port')));
  return new Cluster({ dir: home, port }, programs).connection('headgate');
}

const staging = () => {
  const cell = world.example.cells.find((c) => c.cell.cell === 'staging');
  if (cell === undefined) throw new Error('the example has no cell staging');
  return cell;
};

test('an untouched run has good figures', () => {
  expect(sound.line).toMatchObject({
    failedRequests: { '1.1.0': 0 },
    lostWrites: 0,
    doubledPostings: 0,
    logVerified: true,
  });
  expect(sound.promotions[0]).toMatchObject({ result: 'promoted', restorePoints: 1 });
  expect(sound.agrees).toBe(true);
  expect(sound.checkedWrites).toBeGreaterThan(50);
  expect(sound.line.logEntries).toBeGreaterThan(30);
});

test('a dropped write is a lost write', async () => {
  const write = await promisedApproval();
  const change = `CREATE TABLE kept AS SELECT * FROM approval
    WHERE tenant_id = '${write.tenant}' AND time_entry_id = '${String(write.answer.id)}';
    DELETE FROM approval a USING kept k WHERE a.tenant_id = k.tenant_id AND a.time_entry_id = k.time_entry_id`;
  const closing = await sabotaged(
    staging().connection(),
    change,
    'INSERT INTO approval SELECT * FROM kept; DROP TABLE kept',
  );
  expect(closing.line.lostWrites).toBe(1);
  expect(closing.findings[0]).toMatch(/approval/);
});

/** An approval in staging that a customer was promised; the ids in it are our own load's. */
async function promisedApproval(): Promise<AcknowledgedRequest> {
  for await (const line of readJournal(journalFile))
    if (line.kind === 'acknowledged' && line.action === 'approval' && line.tenant.startsWith('stg-')) return line;
  throw new Error('the journal has no approval in staging');
}

test('a doubled posting is counted in the ledger, and the books disagree', async () => {
  const change = `INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents)
    SELECT key || '/again', fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents FROM ledger_entry
    ORDER BY id DESC LIMIT 1`;
  const closing = await sabotaged(
    world.example.erp.connection(),
    change,
    `DELETE FROM ledger_entry WHERE key LIKE '%/again'`,
  );
  expect(closing.line.doubledPostings).toBe(1);
  expect(closing.agrees).toBe(false);
});

test('nothing counts as reconciled while the books disagree', async () => {
  const change =
    'UPDATE ledger_entry SET net_cents = net_cents + 1, total_cents = total_cents + 1 WHERE id = (SELECT max(id) FROM ledger_entry)';
  const repair =
    'UPDATE ledger_entry SET net_cents = net_cents - 1, total_cents = total_cents - 1 WHERE id = (SELECT max(id) FROM ledger_entry)';
  const closing = await sabotaged(world.example.erp.connection(), change, repair);
  expect(closing.agrees).toBe(false);
  expect(closing.line.reconciled).toBe(0);
});

test('a flipped byte in an entry is a log that does not verify', async () => {
  const flip = `ALTER TABLE headgate.entry DISABLE TRIGGER ALL;
    UPDATE headgate.entry SET bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 1) WHERE id = (SELECT entry FROM headgate.log_leaf WHERE place = 7);
    ALTER TABLE headgate.entry ENABLE TRIGGER ALL`;
  // Flipping the same bit again puts it back.
  const closing = await sabotaged(controlDatabase(), flip, flip);
  expect(closing.line).toMatchObject({ logVerified: false, logEntries: 0 });
  expect((await figures()).line.logVerified).toBe(true);
});

test('a log whose tail was cut does not verify, however well it was re-signed', async () => {
  const cut = `ALTER TABLE headgate.log_leaf DISABLE TRIGGER ALL;
    CREATE TABLE headgate.kept AS SELECT * FROM headgate.log_leaf WHERE place >= (SELECT max(place) - 2 FROM headgate.log_leaf);
    DELETE FROM headgate.log_leaf WHERE place IN (SELECT place FROM headgate.kept);
    ALTER TABLE headgate.log_leaf ENABLE TRIGGER ALL`;
  const repair = 'INSERT INTO headgate.log_leaf SELECT * FROM headgate.kept; DROP TABLE headgate.kept';
  const closing = await sabotaged(controlDatabase(), cut, repair);
  expect(closing.line.logVerified).toBe(false);
  expect(closing.findings.join()).toMatch(/the signed tree head names \d+ entries, the log holds \d+/);
});

test('a request that is lost is a failed request of its tenant', async () => {
  const cell = staging();
  const load = await LoadProcess.start(world.example, dir, 8);
  await sleep(1_000);
  // The router itself dies: whoever asks in this moment gets no answer.
  const { pid } = JSON.parse((await readIfThere(join(cell.config.dir, 'router', 'router.pid.json'))) ?? '{}') as {
    pid?: number;
  };
  expect(pid).toBeGreaterThan(1);
  process.kill(pid as number, 'SIGKILL');
  await sleep(1_500);
  await until('the agent to start the router again', 15_000, async () =>
    (await fetch(`${cell.url}/`).catch(() => undefined)) === undefined ? undefined : true,
  );
  await load.stop();
  const { failedRequests } = await import('../../examples/psa/audit.ts');
  const failed = await failedRequests({ journalFile: load.journalFile });
  expect(failed.count).toBeGreaterThan(0);
  expect(Object.keys(failed.byTenant).every((tenant) => tenant.startsWith('stg-'))).toBe(true);
});

const entry = (type: string, data: object): LogEntry => ({
  v: 1,
  stream: 'rollout/p.c',
  version: 1,
  type,
  at: 1,
  by: 'agt',
  data: data as LogEntry['data'],
});
const failing = (times: object) =>
  entry('rollout.step-failed', {
    step: 'w2.verify',
    result: { checks: { passed: 1, failed: 1, firstFailure: { check: 'a', tenant: 't', why: 'w', ...times } } },
  });
const back = entry('rollout.step-done', { step: 'undo.route', result: { routed: 5, observedAt: 1_400 } });

test('a rollback without a reading of the route back has no time to safety', () => {
  const failure = failing({ since: 200, at: 1_000 });
  for (const [figure, ms] of [
    [detectToSafe, 400],
    [firstFailingLookToSafe, 1_200],
  ] as const) {
    expect(figure([failure, back])).toBe(ms);
    expect(figure([failure])).toBeNull();
    expect(figure([back])).toBeNull();
    expect(figure([failure, entry('rollout.step-done', { step: 'undo.route', result: { routed: 5 } })])).toBeNull();
  }
});

test('a check that hopes for longer turns the time since its first look, and not the time since its verdict', () => {
  const hoped = [failing({ since: 100, at: 1_000 }), back];
  expect([detectToSafe(hoped), firstFailingLookToSafe(hoped)]).toEqual([400, 1_300]);
  const late = [failing({ since: 200, at: 1_300 }), back];
  expect([detectToSafe(late), firstFailingLookToSafe(late)]).toEqual([100, 1_200]);
});

test('of several failures the first one begins, and one that doesn’t say since when leaves it unmeasured', () => {
  const two = [failing({ since: 700, at: 900 }), failing({ since: 500, at: 1_000 }), back];
  expect([detectToSafe(two), firstFailingLookToSafe(two)]).toEqual([500, 900]);
  const unsaid = [failing({ at: 900 }), failing({ since: 500, at: 1_000 }), back];
  expect([detectToSafe(unsaid), firstFailingLookToSafe(unsaid)]).toEqual([500, null]);
});

test('customers who were killed in the midst leave a promotion unmeasured, though none of their requests failed', async () => {
  const killed = join(dir, 'killed.jsonl');
  const [promotion] = sound.promotions;
  const lines: unknown[] = [];
  for await (const line of readJournal(journalFile)) if (line.at < (promotion?.from ?? 0) + 1_000) lines.push(line);
  await writeFile(killed, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const { unmeasured, promotions } = await measure(world, killed, ends);
  expect(unmeasured).toEqual([expect.stringMatching(/^\d+ s of 1\.1\.0 → staging went by without customers/)]);
  expect(promotions[0]?.failed).toMatchObject({ count: 0, requests: expect.toSatisfy((n: number) => n > 0) });
});

test('bytes that are no entry are not read as one', () => {
  expect(decodeEntry(Buffer.from('{}')).ok).toBe(false);
});

test('a journal without a request is no good day, but a day that nobody measured', async () => {
  const nothing = join(dir, 'nothing.jsonl');
  await writeFile(nothing, '');
  const { unmeasured } = await measure(world, nothing, ends);
  expect(unmeasured).toEqual([
    'no request of a customer ended during 1.1.0 → staging',
    'no acknowledged write was compared with the stores',
  ]);
  expect(sound.unmeasured).toEqual([]);
});
