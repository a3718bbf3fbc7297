/** `headgate watch` while things happen, against a real server. */
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { createClient } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { attachRehearsal } from '@headgate/server/testing/attach-rehearsal';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { didIt, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommandLine } from '../program.ts';
import { watchEvents } from './watch-promotion.ts';

let server: RealServer;
let company: SmallCompany;
let folder: string;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-watch-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
});
afterAll(async () => {
  await server?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** A command that runs until it ends or is stopped, and what it wrote so far. */
function running(...args: string[]) {
  const stopping = new AbortController();
  const written = { text: '' };
  const into = new Writable({
    write(chunk, _encoding, done) {
      written.text += String(chunk);
      done();
    },
  });
  const terminal = {
    env: {},
    cwd: folder,
    stdin: Readable.from(['']),
    stdout: into,
    stderr: into,
    stop: stopping.signal,
  };
  const code = runCommandLine(['--as', 'operator', ...args], terminal);
  return { written, code, stop: () => stopping.abort() };
}
const headgate = async (...args: string[]): Promise<string> => {
  const { written, code } = running(...args);
  await code;
  return written.text;
};

test('steps, a freeze and what waits for it, a rollback: a line each, in the order in which they happened', async () => {
  const release = await company.release('2.0.0');
  const developer = await server.client('developer');
  const body = { release, environment: 'staging' };
  await headgate('freeze', 'now', '--because', 'an audit', '--name', 'audit');
  const { id } = await developer.call('requestPromotion', { body });
  // What a watch says first is how things stand then: that must not depend on who was quicker.
  await until(
    'it waits',
    async () => (await developer.call('showPromotion', { promotion: id })).reason !== 'requested',
  );
  const watching = running('watch', id);
  const watched = running('watch', id, '--json');
  const everything = running('watch', '--after', '-1');
  await until('it is watched', async () => /2\.0\.0 to staging.*FROZEN \(audit\)/.test(watching.written.text));
  await headgate('freeze', 'lift', 'audit', '--because', 'over');
  const ended = async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended';
  await company.carryOut(ended, (assignment) =>
    assignment.step === 'w1.verify'
      ? { kind: 'failed', code: 'check-failed', why: 'acme: works: no ledger' }
      : didIt(assignment),
  );
  expect(await watching.code).toBe(1);
  const { text } = watching.written;
  const told = [
    /^prm_\S+ {2}2\.0\.0 to staging {2}awaiting/m,
    /freeze audit lifted: everything: over {2}by usr_operator/,
    /2\.0\.0 to staging {2}no freeze holds over it any more/,
    /2\.0\.0 to staging {2}wave 1 opens/,
    /cell stage {2}w1\.route at work {2}by agt_shop/,
    /cell stage {2}w1\.route done: 1 tenant moved/,
    /cell stage {2}w1\.verify FAILED: acme: works: no ledger; the promotion decides .*by agt_shop/,
    /ROLLS BACK everything that moved: .*no ledger/,
    /cell stage {2}undo\.route done/,
    /cell stage {2}is back/,
    /ended rolled-back/,
    /^prm_\S+ .*ended: rolled-back/m,
  ].map((line) => text.search(line));
  expect(
    told.every((at) => at >= 0),
    `${told.join(' ')}\n${text}`,
  ).toBe(true);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  // Programs get the promotion itself, whenever it changed.
  expect(await watched.code).toBe(1);
  const shown = watched.written.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; phase: string });
  expect(new Set(shown.map((each) => each.id))).toEqual(new Set([id]));
  expect(shown.at(-1)?.phase).toBe('ended');
  await until('everything is told', async () =>
    /2\.0\.0 to staging {2}ended rolled-back/.test(everything.written.text),
  );
  everything.stop();
  await everything.code;
  expect(everything.written.text).not.toMatch(/rollout\.|observed|offered/);
});

test('how things stand is looked at only once the stream is open: nothing falls between the two', async () => {
  const operator = await server.client('operator');
  const token = (await readFile(join(server.dataDir, 'secrets', 'operator.token'), 'utf8')).trim();
  // What happens while the way to the stream is long is what a look before it would miss.
  const slowly: typeof fetch = async (url, init) => {
    if (String(url).includes('/events'))
      await operator.call('declareFreeze', {
        body: { scope: 'staging', name: 'meanwhile', to: null, reason: 'a test' },
      });
    return fetch(url, init);
  };
  const client = createClient({ baseUrl: server.url, token, fetch: slowly });
  let frozen: readonly string[] = [];
  await watchEvents(
    { client, stop: AbortSignal.timeout(30_000) },
    undefined,
    async () => true,
    async () => {
      frozen = (await operator.call('status')).freezes.map(({ name }) => name);
      return true;
    },
  );
  await operator.call('liftFreeze', { scope: 'staging', name: 'meanwhile', body: { reason: 'over' } });
  expect(frozen).toContain('meanwhile');
});

test('a log that became shorter, as after a restore, is said and followed on; a first place that it never had is refused', async () => {
  const operator = await server.client('operator');
  const token = (await readFile(join(server.dataDir, 'secrets', 'operator.token'), 'utf8')).trim();
  const asked: (string | null)[] = [];
  // What was seen before the restore; everything behind it is the real server's answer.
  const before: typeof fetch = async (url, init) => {
    const { pathname, searchParams } = new URL(String(url));
    if (pathname !== '/v1/events') return fetch(url, init);
    asked.push(searchParams.get('after'));
    if (asked.length > 1) return fetch(url, init);
    return new Response('id: 5000\nevent: freeze.lifted\ndata: {}\n\n', {
      headers: { 'content-type': 'text/event-stream' },
    });
  };
  const client = createClient({ baseUrl: server.url, token, fetch: before });
  const stop = AbortSignal.timeout(30_000);
  let said = 0;
  let looked = 0;
  const told: string[] = [];
  await watchEvents(
    { client, stop },
    undefined,
    async ({ type }) => told.push(type) > 0,
    async () => {
      looked += 1;
      if (asked.length === 3)
        await operator.call('declareFreeze', { body: { scope: 'staging', name: 'anew', to: null, reason: 'a test' } });
      return false;
    },
    () => {
      said += 1;
    },
  );
  await operator.call('liftFreeze', { scope: 'staging', name: 'anew', body: { reason: 'over' } });
  expect({ asked, said, looked, told }).toEqual({
    asked: [null, '5000', null],
    said: 1,
    looked: 2,
    told: ['freeze.declared'],
  });
  const typed = running('watch', '--after', '5000');
  expect(await typed.code).not.toBe(0);
  expect(typed.written.text).toMatch(/the log has no entry at place 5000/);
});

test('who comes in the middle is told what is at work', async () => {
  const release = await company.release('2.0.1');
  const developer = await server.client('developer');
  const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  let watching: ReturnType<typeof running> | undefined;
  const ended = async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended';
  await until('a step is leased', async () => {
    const { assignment } = await company.agent.call('leaseStep', { body: { waitMs: 100 } });
    if (assignment === null) return false;
    watching = running('watch', id);
    await until('it is told', async () =>
      /cell stage {2}\S+ at work {2}by agt_shop/.test(watching?.written.text ?? ''),
    );
    // Who waits for so long alone ends on time, and says how it stands: it goes on.
    const patient = running('watch', '--environment', 'staging', '--wait', '1');
    expect(await patient.code).toBe(7);
    expect(patient.written.text).toMatch(/^not at its end after 1 s: prm_\S+ {2}2\.0\.1 to staging {2}advancing/m);
    await company.agent.call('settleStep', {
      rollout: assignment.rollout,
      n: assignment.fence.n,
      body: didIt(assignment),
    });
    return true;
  });
  await company.carryOut(ended);
  expect(await watching?.code).toBe(0);
});

test('what a migration took is told with its step, and at the end and by explain against its rehearsal', async () => {
  const developer = await server.client('developer');
  const through = async (release: Awaited<ReturnType<SmallCompany['release']>>) => {
    const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
    const watching = running('watch', id);
    const ended = async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended';
    await until('it is watched', async () => watching.written.text !== '');
    await company.carryOut(ended, (assignment) =>
      assignment.action.kind === 'migrate'
        ? {
            kind: 'done',
            result: { schemaVersion: 2, migrations: [{ migration: '004', durationMs: 9_000 }] },
          }
        : didIt(assignment),
    );
    expect(await watching.code, watching.written.text).toBe(0);
    return { id, text: watching.written.text };
  };
  const wide = { schemaRange: { min: 1, max: 2 } };
  await through(await company.release('3.0.0', wide));
  const up = { name: 'up.sql', digest: digestOf(company.artifact), size: company.artifact.length };
  const migration = { id: '004', from: 1, to: 2 };
  const migrations = [{ ...migration, phase: 'expand', up, undo: 'keep' }];
  const release = await company.release('4.0.0', { ...wide, migrations });
  await attachRehearsal(company, developer, release, migration, 2_200);
  const { id, text } = await through(release);
  const against =
    'stage/main: migration 004: 9.0 s, 4.1 times what the rehearsal promised (2.2 s on a copy of stage/main)';
  expect(text).toMatch(/done: store at schema 2; 004 9\.0 s/);
  expect(text).toContain(`\nSLOWER: ${against}\n`);
  expect(await headgate('explain', id)).toContain(`- SLOWER: ${against}\n`);
  const shown = JSON.parse(await headgate('explain', id, '--json'));
  expect(shown.migrations).toMatchObject([{ cell: 'stage', migrations: [{ verdict: 'slower', measuredMs: 9_000 }] }]);
}, 60_000);

test('to wait is of a promotion: of the whole log there is no end', async () => {
  const whole = running('watch', '--wait', '5');
  expect(await whole.code).toBe(2);
  expect(whole.written.text).toContain('--wait goes with a promotion');
});
