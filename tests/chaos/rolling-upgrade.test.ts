/**
 * Headgate itself is upgraded while promotions are under way: two servers and an agent of this build, one after the other
 * exchanged for the next build's, on one database that the first of the new ones migrates.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Random } from '@headgate/simulator/engine/random';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../examples/psa/demo/until.ts';
import { SHIPPED } from '../../examples/psa/demo/world.ts';
import { installWitness } from '../kill/audit/witness.ts';
import { findingsOf } from './findings.ts';
import { type Build, type Installation, openInstallation } from './installation.ts';
import type { KeptProcess } from './kept-process.ts';
import { NEXT_VERSION, nextBuild, type OtherBuild } from './next-build.ts';
import { People } from './people.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const PATIENCE_MS = 90_000;

let next: OtherBuild;
let installation: Installation;
beforeAll(async () => {
  next = await nextBuild();
  installation = await openInstallation({ servers: 2, applications: ['alder'], say });
}, 120_000);
afterAll(async () => {
  await installation?.close();
  await next?.remove();
}, 60_000);

/** What a server says of the others on its `/readyz`, and whether it is ready. */
async function told(url: string): Promise<{ readonly ready: boolean; readonly servers: string }> {
  const answer = await fetch(`${url}/readyz`);
  const { parts } = (await answer.json()) as { parts: readonly { part: string; why: string }[] };
  return { ready: answer.ok, servers: parts.find(({ part }) => part === 'servers')?.why ?? '' };
}

/** `headgate-server migrate` of a build: its exit code and what it said. */
async function migrate({ server }: Build): Promise<{ readonly code: number; readonly said: string }> {
  const { databaseUrl, adminUrl } = installation.database;
  const env = { ...process.env, HEADGATE_DATABASE_URL: databaseUrl, HEADGATE_DATABASE_ADMIN_URL: adminUrl };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [server, 'migrate'], { env });
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: `${stdout}${stderr}` };
  }
}

/** Versions of a promotion in the new build's format that is under way, and of what belongs to it. */
async function newerVersions(client: pg.Client): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ stream: string; version: number }>(
    `with newer as (select stream from headgate.stream where format > 1 and open limit 1)
     select r.stream, r.version from headgate.stream r, newer n where n.stream in (r.stream, r.parent)`,
  );
  return new Map(rows.map(({ stream, version }) => [stream, version]));
}

/**
 * With the old server away, the new one begins a promotion of its format; with the new one away, the old one leaves it
 * alone. Answers false when that promotion had ended before anybody looked.
 */
async function leftAlone(older: KeptProcess, newer: KeptProcess, urlOfOlder: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: installation.database.adminUrl });
  await client.connect();
  try {
    const begun = async () => ((await newerVersions(client)).size > 1 ? true : undefined);
    await older.frozenWhile(() => until('a promotion in the new format, under way', PATIENCE_MS, begun));
    return await newer.frozenWhile(async () => {
      // What it had claimed is anybody's again after two seconds.
      await sleep(2_500);
      const from = await newerVersions(client);
      if (from.size < 2) return false;
      await sleep(3_500);
      const { ready, servers } = await told(urlOfOlder);
      expect([...(await newerVersions(client))]).toEqual([...from]);
      expect(ready).toBe(true);
      expect(servers).toMatch(/[1-9]\d* rows of a newer version are left to it/);
      return true;
    });
  } finally {
    await client.end();
  }
}

async function exchange(process: KeptProcess, build: Build): Promise<void> {
  installation.useBuild(process, build);
  await process.disturb('stop', 0);
}

test('no promotion stands still or happens twice while servers and agents of two builds work side by side', {
  timeout: 400_000,
}, async () => {
  const [system] = installation.systems;
  const [one, two] = installation.servers;
  const [urlOne, urlTwo] = installation.urls;
  if (system === undefined || one === undefined || two === undefined || !urlOne || !urlTwo) throw new Error('not up');
  for (const cell of system.cells) await installWitness(cell);
  let more = true;
  const people = new People(installation, async () => (more ? 1 : undefined));
  const working = people.work(system, new Random(7));
  const some = (what: string, count: number) => {
    const goal = people.told.length + count;
    return until(`${count} more promotions ${what}`, PATIENCE_MS, async () => people.told.length >= goal || undefined);
  };

  await some('of the old build alone', 1);

  // One of the new build: it adds what is new to the database, and leaves for later what would take away.
  await exchange(two, next);
  const pid = one.pid;
  const beside = await until('both to be told of', 10_000, async () => {
    const seen = await told(urlOne);
    return seen.servers.includes(`1 of ${NEXT_VERSION}`) ? seen : undefined;
  });
  expect(beside.ready).toBe(true);
  expect(beside.servers).toContain('the database is newer than this server');
  const early = await migrate(next);
  expect(early).toMatchObject({
    code: 4,
    said: expect.stringContaining('left for later: 9002-no-remark: older servers'),
  });
  expect((await migrate(SHIPPED)).said).toContain('newer than this Headgate');
  expect(one.pid).toBe(pid);

  // With nobody there who knows the new format, what is of it stands still, and the rest goes on.
  let looked = false;
  for (let tries = 0; tries < 5 && !looked; tries++) looked = await leftAlone(one, two, urlOne);
  expect(looked, 'each had ended before anybody looked').toBe(true);

  // One of the old build that is started again meanwhile comes back on the newer database, and works.
  await one.disturb('stop', 0);
  expect((await told(urlOne)).ready).toBe(true);
  await some('after one of the old build came back', 1);

  await exchange(one, next);
  await some('of the new build alone, with an agent of the old one', 1);
  // The last old one said goodbye as it was stopped, so nothing is in the way any more.
  expect(await migrate(next)).toMatchObject({ code: 0, said: expect.stringMatching(/has all|was brought/) });
  expect(await migrate(SHIPPED)).toMatchObject({ code: 1, said: expect.stringContaining('use a newer one') });

  await exchange(system.agent, next);
  await some('with an agent of the new build', 1);
  more = false;
  await working;

  const findings = await findingsOf(installation, people.asked, {
    'people stuck': people.troubles,
    'did not end well': [one, two, system.agent].flatMap((each) => each.badStops),
    'ended by itself': [one, two, system.agent].flatMap((each) => each.endings),
  });
  const remarked = findings.history.entries.filter(({ type }) => type === 'promotion.remarked').length;
  say(
    `${people.told.length} promotions, ${remarked} of them in the new build's own format, ${findings.logEntries} entries`,
  );
  expect(remarked).toBeGreaterThanOrEqual(1);
  // The checker is of this build: it knows everything but the word that is new.
  const unknown = /nobody knows the entry promotion\.remarked/;
  const { history = [], ...wrong } = findings.wrong;
  expect(history.filter((each) => !unknown.test(each))).toEqual([]);
  expect(history).toHaveLength(remarked);
  expect(Object.fromEntries(Object.entries(wrong).filter(([, each]) => each.length > 0))).toEqual({});
});
