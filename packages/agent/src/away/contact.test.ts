/** What counts as an absence, and what an agent may do alone by it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Action, Outcome } from '@headgate/domain';
import { aCell, brokenChecks, soundOutcome } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RunningAgent, SHIPPED, startAgent } from '../agent.ts';
import { agentConfig } from '../testing/agent-config.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { forPlan } from '../testing/other-plan.ts';
import { eventually } from '../testing/poll.ts';
import { ScriptedServer } from '../testing/scripted-server.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import { Contact } from './contact.ts';

const HOUR_MS = 3_600_000;
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-contact-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true, force: true });
});

const anHourOn = () => {
  const real = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => real() + HOUR_MS);
};

describe('how long the server has been silent', () => {
  test('is counted by a clock that doesn’t jump', async () => {
    const contact = await Contact.open(dir);
    expect(contact.silentMs()).toBeUndefined();
    contact.lost(new Date());
    anHourOn();
    expect(contact.silentMs()).toBeLessThan(HOUR_MS / 2);
    expect(contact.silentMs(performance.now() + HOUR_MS)).toBeGreaterThanOrEqual(HOUR_MS);
    await contact.written();
  });

  test('goes on being counted by an agent that is started again, and by one of before', async () => {
    const since = new Date(Date.now() - HOUR_MS);
    const first = await Contact.open(dir);
    first.lost(since);
    await first.written();
    const second = await Contact.open(dir);
    expect(second.awaySince).toEqual(since);
    expect(second.silentMs()).toBeGreaterThanOrEqual(HOUR_MS);
    await rm(join(dir, 'silence.json'));
    expect((await Contact.open(dir)).silentMs()).toBeGreaterThanOrEqual(HOUR_MS);
    await writeFile(join(dir, 'contact.json'), '{"awaySince":null}\n');
    expect((await Contact.open(dir)).silentMs()).toBeUndefined();
  });

  test('goes on by the machine’s uptime within one boot, whatever its clock does; after another by its clock', async () => {
    const first = await Contact.open(dir);
    first.lost(new Date());
    await first.written();
    anHourOn();
    expect((await Contact.open(dir)).silentMs()).toBeLessThan(HOUR_MS / 2);
    const file = join(dir, 'silence-clock.json');
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), boot: 'another' }));
    expect((await Contact.open(dir)).silentMs()).toBeGreaterThanOrEqual(HOUR_MS);
    await writeFile(file, 'half of');
    expect((await Contact.open(dir)).silentMs()).toBeGreaterThanOrEqual(HOUR_MS);
  });

  test.each([
    ['silence.json', ''],
    ['silence.json', '{'],
    ['silence.json', '{"silentSince":"2026-11-22"}'],
    ['silence.json', '{"silentSince":null,"x":1}'],
    ['contact.json', '{"awaySince":1}'],
  ])(
    'counts from now on where %s is spoiled (%j), which is told by its name; the agent opens all the same',
    async (name, text) => {
      const since = new Date(Date.now() - HOUR_MS);
      const first = await Contact.open(dir);
      first.lost(since);
      await first.written();
      await writeFile(join(dir, name), text);
      const told: string[] = [];
      const contact = await Contact.open(dir, (file) => told.push(file));
      expect(told).toEqual([join(dir, name)]);
      expect(contact.silentMs() ?? 0).toBeLessThan(HOUR_MS / 2);
      expect(contact.awaySince).toEqual(name === 'contact.json' ? undefined : since);
    },
  );

  test('begins anew with each answer, a refusal too; a refusal is no silence, and yet no contact', async () => {
    const contact = await Contact.open(dir);
    contact.lost(new Date(Date.now() - HOUR_MS));
    contact.lost(new Date(), 'the token was replaced');
    expect(contact).toMatchObject({ refusal: 'the token was replaced', awaySince: expect.any(Date) });
    expect(contact.silentMs()).toBeUndefined();
    await contact.written();
    expect((await Contact.open(dir)).silentMs(), 'nor after a restart').toBeUndefined();
    contact.lost(new Date());
    expect(contact.refusal).toBeUndefined();
    expect(contact.silentMs()).toBeLessThan(HOUR_MS / 2);
    contact.found();
    expect(contact).toMatchObject({ refusal: undefined, awaySince: undefined });
    expect(contact.silentMs()).toBeUndefined();
    await contact.written();
  });
});

describe('an agent that may go back alone', () => {
  let sealed: SealedPlan;
  let server: ScriptedServer;
  let cell: CountingCell;
  let agent: RunningAgent;
  const failing = async (action: Action): Promise<Outcome> =>
    action.kind === 'soak' ? brokenChecks('ada', Date.now()) : soundOutcome(action, Date.now());

  async function start(token: string, rollBackAloneAfterMs: number): Promise<void> {
    await writeFile(join(dir, 'token'), `${token}\n`, { mode: 0o600 });
    const config = agentConfig(dir, server.url, { watchEveryMs: 50 });
    const environments = [{ name: 'production', rollBackAloneAfterMs }];
    agent = await startAgent({ ...config, environments }, { ...SHIPPED, openCell: async () => cell }, silent);
  }

  const own = async () => (await agent.behind.status()).cells[0]!;

  beforeEach(async () => {
    sealed = sealedPlan();
    server = await ScriptedServer.start(sealed);
    cell = new CountingCell();
    cell.observe = () => Promise.resolve({ state: aCell(), manifests: [] }) as never;
    cell.act = async (action) => soundOutcome(action, Date.now());
    await writeFile(join(dir, 'trust.yaml'), sealed.trustText);
  });
  afterEach(async () => {
    await agent.stop();
    await server.stop();
  });

  async function inMidWave(): Promise<void> {
    for (const [n, step] of ['w1.deploy', 'w1.route', 'w1.verify'].entries()) {
      server.offer(forPlan(sealed, step, sealed.plan, { fence: { epoch: 1, n: n + 1 } }));
      await eventually(() => server.settled.length === n + 1);
    }
  }

  test('doesn’t, beside a server that refuses its token, and says so; a person still may', async () => {
    await start('test-token', 1);
    await inMidWave();
    await agent.stop();
    cell.act = failing;
    await start('old-token', 1);
    await eventually(async () => ((await own()).watch?.state ?? '') === 'failing');
    // A dozen looks, each of which would have begun it.
    await new Promise((done) => setTimeout(done, 600));
    expect((await own()).undoing).toBeUndefined();
    const { server: told } = await agent.behind.status();
    expect(told).toMatchObject({ refusal: expect.stringContaining('token'), awaySince: expect.any(String) });
    expect(await agent.behind.show({})).toMatchObject({ ok: true });
  });

  test('doesn’t because its clock jumped while the server was away for a moment', async () => {
    await start('test-token', HOUR_MS);
    await inMidWave();
    server.away = true;
    cell.act = failing;
    await eventually(async () => ((await own()).watch?.state ?? '') === 'failing');
    anHourOn();
    await new Promise((done) => setTimeout(done, 600));
    expect((await own()).undoing).toBeUndefined();
  });
});
