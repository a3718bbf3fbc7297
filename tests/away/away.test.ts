/**
 * The server is killed in the middle of a wave, on the real system: the agent holds, sees a stop condition fail, and a
 * person at its machine goes back without the server, who in the midst of it loses the agent too. Everything is counted at
 * its target. The hour that passes is the agent's own count of it; nothing here depends on how long it is.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@headgate/adapters/machine/free-port';
import { knock } from '@headgate/agent/away/knock';
import { type AgentStatus, exitOf } from '@headgate/agent/away/status';
import type { LogEntry } from '@headgate/documents';
import { type Plan, undoSteps } from '@headgate/domain';
import { checkHistory } from '@headgate/simulator/history/history-checker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lostWrites } from '../../examples/psa/audit.ts';
import { openAuditTargets } from '../../examples/psa/bring-up/audit-targets.ts';
import { LoadProcess } from '../../examples/psa/demo/load-process.ts';
import { readLog } from '../../examples/psa/demo/log.ts';
import { adopt, release } from '../../examples/psa/demo/story.ts';
import { until } from '../../examples/psa/demo/until.ts';
import { SHIPPED, World } from '../../examples/psa/demo/world.ts';
import { exampleDocuments } from '../../examples/psa/documents.ts';
import { type JournalLine, readJournal } from '../../examples/psa/load/journal.ts';
import { installWitness, readWitness } from '../kill/audit/witness.ts';
import { declaredIn } from '../kill/recorded.ts';

const say = (): void => {};
let world: World;
let load: LoadProcess;
let promotion: string;
let plan: Plan;

/** Straight to production, and the first ring soaks for long enough to lose a server in. */
function documents(): ReturnType<typeof exampleDocuments> {
  return exampleDocuments().map(({ file, text }) => ({
    file,
    text: text
      .replace(/ {4}# Staging must[\s\S]*?durationMs: 1000\n/, '')
      .replace(/name: internal\n( +)soakMs: \d+/, 'name: internal\n$1soakMs: 240000'),
  }));
}

/** A command of the agent's program, as a person at its machine gives it. */
async function agent(...args: string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  const [command, ...rest] = args;
  const config = join(world.dataDir, 'agent', 'agent.yaml');
  const child = spawn(process.execPath, [SHIPPED.agent, command!, '--config', config, ...rest], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (out += data));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out };
}

/** The same as `status --json` prints, without a process for each look. */
async function statusNow(): Promise<AgentStatus> {
  const running = await knock(join(world.dataDir, 'agent'));
  if (running === undefined) throw new Error('no agent runs');
  return running.status();
}
const shared = async () => (await statusNow()).cells.find(({ cell }) => cell === 'shared')!;

async function journalOf(): Promise<{ type: string; step?: string; n?: number; outcome?: { kind: string } }[]> {
  const text = await readFile(join(world.dataDir, 'agent', 'undone.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-away-'));
  world = await World.start({ dataDir, documents: documents(), port: await freePort(), scale: 0.03, report: say });
  for (const cell of world.example.cells) await installWitness(cell);
  await adopt({ world, say }, documents());
  const ref = await release({ world, say }, '1.1.0');
  load = await LoadProcess.start(world.example, dataDir, 2);
  const developer = await world.client('developer');
  const body = { release: ref.digest, environment: 'production' };
  const asked = await developer.call('requestPromotion', { body });
  promotion = asked.id;
  plan = JSON.parse(Buffer.from(await developer.call('getBlob', { digest: asked.plan })).toString('utf8'));
  const approver = await world.client('approver');
  await approver.call('approvePromotion', { promotion, body: { envelope: asked.envelope } });
  await until('the first ring to soak', 60_000, async () =>
    (await shared().catch(() => undefined))?.work?.step === 'w1.soak' ? true : undefined,
  );
  await world.server.kill();
}, 180_000);

afterAll(async () => {
  await load?.stop().catch(() => {});
  await world?.stop();
  const home = await readlink(join(world.dataDir, 'system')).catch(() => undefined);
  if (home !== undefined) await rm(home, { recursive: true, force: true });
  await rm(world.dataDir, { recursive: true, force: true });
}, 60_000);

test('the agent holds, and says at night what a person needs to know', async () => {
  await until('the agent to see it', 20_000, async () => (exitOf(await statusNow()) === 3 ? true : undefined));
  await until('a look at the stop conditions', 30_000, async () =>
    (await shared()).watch?.state === 'sound' ? true : undefined,
  );
  const { out } = await agent('status');
  expect(out).toMatch(/AWAY since \d{4}-/);
  expect(out).toContain(`1.1.0, promotion ${promotion}`);
  expect(out).toContain('undo: ready');
  expect(out).toContain('nothing is lost');
  const routes = (await readWitness(world.example.cells.find(({ cell }) => cell.cell === 'shared')!)).routeChanges;
  const internal = plan.cells.find(({ cell }) => cell === 'shared')!.steps.find(({ id }) => id === 'w1.route')!;
  expect(
    routes
      .filter(({ slot }) => slot === 'green')
      .map(({ tenant }) => tenant)
      .sort(),
  ).toEqual('tenants' in internal.action ? [...internal.action.tenants].sort() : []);
});

test('a stop condition that fails meanwhile is seen, and is an exit code of its own', async () => {
  await world.example.erp.stop();
  await until('the failing check', 60_000, async () => (exitOf(await statusNow()) === 4 ? true : undefined));
  const shown = await agent('status');
  expect(shown.code).toBe(4);
  expect(shown.out).toContain('A STOP CONDITION FAILS');
  await world.example.erp.ensure();
});

test('rollback shows what it does, and does nothing unless it is confirmed', async () => {
  const asked = await agent('rollback', '--because', 'invoices fail');
  expect(asked.code).toBe(2);
  expect(asked.out).toMatch(/undo\.route: route .* to slot blue/);
  expect(await journalOf()).toEqual([]);
});

test('confirmed it goes back; killed in the midst of a step, agent and command, it goes on and does nothing twice', async () => {
  const first = agent('rollback', '--because', 'invoices fail', '--as', 'usr_operator', '--yes');
  await until('a step to be at hand', 30_000, async () =>
    (await journalOf()).some(({ step }) => step === 'undo.w1.deploy') ? true : undefined,
  );
  await world.agent.kill();
  await first;
  await world.startAgent();
  await until('the undo', 60_000, async () =>
    (await shared().catch(() => undefined))?.undoing?.phase === 'finished' ? true : undefined,
  );
  const cell = plan.cells.find((each) => each.cell === 'shared')!;
  const begun = cell.steps.findIndex(({ id }) => id === 'w1.soak') + 1;
  const wanted = undoSteps(cell, { kind: 'all', wave: 1 }, begun).map(({ id }) => id);
  const ended = (await journalOf()).filter((entry) => entry.type === 'step-ended' && entry.outcome?.kind === 'done');
  expect(ended.map(({ step }) => step)).toEqual(wanted);
  const tokens = (await journalOf()).filter(({ type }) => type === 'step-begun').map(({ n }) => n!);
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
  expect((await agent('status')).code).toBe(3);
});

test('every customer is on the stable version again, by what the router answered', async () => {
  const since = Date.now();
  const versions = new Map<string, string>();
  await until('an answer to every tenant', 60_000, async () => {
    for await (const line of readJournal<JournalLine>(load.journalFile))
      if (line.kind === 'acknowledged' && line.at > since) versions.set(line.tenant, line.version);
    return versions.size >= 9 ? true : undefined;
  });
  expect(new Set(versions.values())).toEqual(new Set(['1.0.0']));
});

test('the server comes back, hears it before anything else, and tells it on the log; nothing was done twice', async () => {
  await world.startServer();
  const auditor = await world.client('auditor');
  const shown = await until('the end of the promotion', 60_000, async () => {
    const now = await auditor.call('showPromotion', { promotion });
    return now.phase === 'ended' || now.phase === 'held' ? now : undefined;
  });
  expect(shown.undo?.because).toContain(
    'undone by agt_psa while the server was away, which says that usr_operator decided it: invoices fail',
  );
  expect(shown.result).toBe('rolled-back');
  const log = await until('a log with the end of it', 20_000, async () => {
    const read = await readLog(auditor, { head: world.headFile, trust: join(world.dataDir, 'agent', 'trust.yaml') });
    return read.ok && read.content.some(({ type }) => type === 'promotion.ended') ? read : undefined;
  });
  const ours = log.content.filter(({ stream }) => stream.startsWith(`rollout/${promotion}`));
  const away = ours.findIndex(({ type }) => type === 'rollout.undone-away');
  expect(ours[away]?.data).toMatchObject({ by: 'usr_operator', agent: 'agt_psa' });
  // Nothing of the undo was handed out again, and nothing forward after it.
  expect(
    ours.slice(away).filter(({ type, stream }) => type === 'rollout.leased' && stream === ours[away]?.stream),
  ).toEqual([]);
  expect(violations(log.content)).toEqual([]);
  expect(movesTwice(await readWitness(world.example.cells.find(({ cell }) => cell.cell === 'shared')!))).toEqual([]);
});

test('no write that a customer was promised is lost', async () => {
  await load.stop();
  const targets = await openAuditTargets(world.example);
  try {
    const found = await lostWrites({ journalFile: load.journalFile, stores: targets.stores });
    expect(found).toMatchObject({ count: 0 });
  } finally {
    await targets.close();
  }
});

test('sabotage: a tenant that was moved twice is counted, and the checker sees an undo that was told wrongly', async () => {
  const once = { tenant: 'a', slot: 'green' };
  expect(movesTwice({ routeChanges: [once, { ...once, slot: 'blue' }] })).toEqual([]);
  expect(movesTwice({ routeChanges: [once, { ...once, slot: 'blue' }, once] })).toEqual(['a to green: 2 times']);
  const auditor = await world.client('auditor');
  const files = { head: world.headFile, trust: join(world.dataDir, 'agent', 'trust.yaml') };
  const { content } = await readLog(auditor, files);
  const told = (more: object): LogEntry[] =>
    content.map((entry) =>
      entry.type === 'rollout.undone-away' ? { ...entry, data: { ...(entry.data as object), ...more } } : entry,
    );
  expect(violations(told({}))).toEqual([]);
  for (const wrong of [{ by: '' }, { n: 0 }, { cursor: 99 }, { cursor: 1 }])
    expect([wrong, violations(told(wrong)).length > 0]).toEqual([wrong, true]);
});

/** A tenant goes to the new slot once and back once. */
function movesTwice({
  routeChanges,
}: {
  readonly routeChanges: readonly { tenant: string; slot: string }[];
}): string[] {
  const counts = Map.groupBy(routeChanges, ({ tenant, slot }) => `${tenant} to ${slot}`);
  return [...counts].filter(([, moves]) => moves.length > 1).map(([move, { length }]) => `${move}: ${length} times`);
}

function violations(content: readonly LogEntry[]): string[] {
  const known = { plan: () => plan, document: declaredIn(documents()) };
  return checkHistory(content, known).map((v) => `${v.invariant}: ${v.why}`);
}
