/** What an agent tells of standbys: who may tell it, how it grows old, and what people and Prometheus are shown of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '@headgate/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer } from '../testing/real-server.ts';
import { refused, SmallCompany } from '../testing/small-company.ts';

const POLICY = `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: standby-ready, params: {maxLagMs: 10000}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let lab: Client;
let release: Awaited<ReturnType<SmallCompany['release']>>;

const sound = { store: 'main', name: 'second', standing: 'following', receiving: true, lagBytes: 0, lagMs: 0 } as const;
type Told = Parameters<typeof tell>[0][number];
async function tell(
  standbys: (Omit<typeof sound, 'standing' | 'lagBytes' | 'lagMs' | 'name'> & {
    name: string;
    standing: 'following' | 'promoted' | 'unreachable';
    lagBytes?: number;
    lagMs?: number;
    paused?: true;
    why?: string;
    ageMs?: number;
  })[],
  by = company.agent,
  cell = 'stage',
) {
  return by.call('tellStandbys', { cell, body: { standbys: standbys.map((each) => ({ ageMs: 0, ...each })) } });
}
const told = (more: Partial<Told> = {}): Told => ({ ...sound, ...more });

async function verdict() {
  const { verdicts } = await manager.call('planPromotion', { body: { release, environment: 'staging' } });
  return (verdicts as { gate: string; verdict: string; because: string }[]).find((v) => v.gate === 'standby-ready');
}

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  manager = await server.client('release-manager');
  const admin = await server.client('admin');
  const { token } = await admin.call('enrolAgent', { body: { id: 'agt_lab', environments: ['production'] } });
  lab = createClient({ baseUrl: server.url, token });
  await manager.call('applyDocuments', { body: { files: [{ name: 'policy.yaml', text: POLICY }] } });
  release = await company.release('2.0.0');
}, 120_000);
afterAll(() => server?.remove());

it('is told by the agents of the cell’s environment alone, and by nobody who is no agent', async () => {
  expect(await refused(tell([told()], lab))).toMatchObject({ status: 403, code: 'not-yours' });
  expect(await refused(tell([told()], manager))).toMatchObject({ status: 403, code: 'not-permitted' });
  expect(await refused(tell([told()], company.agent, 'nowhere'))).toMatchObject({ status: 409, code: 'not-seen' });
  expect(await refused(tell([told(), told()]))).toMatchObject({ status: 422, code: 'malformed' });
  expect(await verdict()).toMatchObject({ verdict: 'no-data' });
  expect(await tell([told()])).toEqual({ standbys: 1, at: expect.any(Number) });
  expect(await verdict()).toMatchObject({ verdict: 'pass' });
});

it('replaces what was told of the cell before, and who tells of none has none', async () => {
  await tell([told({ name: 'third' })]);
  expect((await verdict())?.because).toContain('third');
  await tell([]);
  expect(await verdict()).toMatchObject({ verdict: 'no-data', because: 'nobody has told of a standby of stage/main' });
});

it('is as old as its look, by the server’s clock, however sound it is', async () => {
  await tell([told({ ageMs: 61_000 })]);
  expect(await verdict()).toMatchObject({
    verdict: 'no-data',
    because: expect.stringMatching(/second: seen 1 min \d+ s ago, 1 min are allowed/),
  });
});

const at = async (name: string) => (await manager.call('status')).standbys?.find((each) => each.name === name)?.at ?? 0;
/** Tells of one as an agent does that heard the server's clock then. */
const tellHeard = (heard: { at: number; agoMs: number }, standbys: readonly Partial<Told>[]) =>
  company.agent.call('tellStandbys', {
    cell: 'stage',
    body: { standbys: standbys.map((each) => ({ ...sound, ageMs: 0, ...each })), heard },
  });

it('is dated by the clock that its agent heard, however long it was on its way', async () => {
  const { at: clock = 0 } = await tell([]);
  expect(clock).toBeGreaterThan(1_700_000_000_000);
  // On its way for a while: that is in no age that its agent knows of.
  await sleep(50);
  await tellHeard({ at: clock, agoMs: 2 }, [{ ageMs: 1_000 }]);
  expect(await at('second')).toBe(clock + 2 - 1_000);
  // A clock that goes ahead of ours makes nothing newer than now.
  const { at: now = 0 } = await tellHeard({ at: clock + 3_600_000, agoMs: 0 }, [{}]);
  expect(await at('second')).toBeLessThanOrEqual(now);
});

it('that comes late takes the place of none that was told later, also where it tells of none', async () => {
  const { at: clock = 0 } = await tell([]);
  await tellHeard({ at: clock, agoMs: 0 }, [{ name: 'newer' }]);
  expect(await tellHeard({ at: clock - 9_000, agoMs: 0 }, [{ name: 'held-up' }])).toMatchObject({ standbys: 1 });
  await tellHeard({ at: clock - 8_000, agoMs: 0 }, []);
  expect((await manager.call('status')).standbys?.map(({ name }) => name)).toEqual(['newer']);
  await tellHeard({ at: clock, agoMs: 1 }, []);
  expect((await manager.call('status')).standbys ?? []).toEqual([]);
});

it('is shown by status and incident with its age and what mends it, those first that somebody should look at', async () => {
  await tell([
    told(),
    told({ name: 'third', standing: 'promoted', why: 'it was promoted: it takes writes of its own' }),
    told({ name: 'fourth', ageMs: 600_000 }),
  ]);
  const { standbys = [] } = await manager.call('status');
  expect(standbys.map(({ name, state }) => [name, state])).toEqual([
    ['third', 'not-ready'],
    ['fourth', 'unseen'],
    ['second', 'ready'],
  ]);
  expect(standbys[0]).toMatchObject({
    words: expect.stringMatching(/^it was promoted: it takes writes of its own, seen \d+ s ago$/),
    mend: 'make third anew as a standby (pg_rewind or pg_basebackup)',
  });
  expect(standbys[2]).toMatchObject({ words: expect.stringMatching(/^has all that was written, seen/), mend: '' });
  const staging = await manager.call('showIncident', { environment: 'staging' } as never);
  expect(staging.standbys?.map(({ name }) => name)).toEqual(['third', 'fourth', 'second']);
  const production = await manager.call('showIncident', { environment: 'production' } as never);
  expect(production.standbys).toEqual([]);
});

it('is measured by environment, with no name of a cell, a store or a standby', async () => {
  await tell([
    told({ lagMs: 2_500, lagBytes: 4_096 }),
    told({ name: 'third', lagMs: 9_000, lagBytes: 10, paused: true }),
    told({ name: 'fourth', standing: 'unreachable', why: 'it can’t be asked', ageMs: 20_000 }),
  ]);
  const auditor = await server.client('auditor');
  let text = '';
  const value = (metric: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${metric} `))
        ?.slice(metric.length),
    );
  await expect
    .poll(
      async () => {
        text = await auditor.call('metrics');
        return value('headgate_standby_lag_seconds{environment="staging"}');
      },
      { timeout: 20_000, interval: 500 },
    )
    .toBe(9);
  expect(value('headgate_standby_lag_bytes{environment="staging"}')).toBe(4_096);
  expect(value('headgate_standby_look_age_seconds{environment="staging"}')).toBeGreaterThanOrEqual(20);
  for (const [state, count] of Object.entries({ ready: 1, 'not-ready': 1, unseen: 1 }))
    expect(value(`headgate_standbys{environment="staging",state="${state}"}`)).toBe(count);
  expect(text).not.toMatch(/="(second|third|fourth|stage|main)"/);
});

it('leaves nothing on the log', async () => {
  expect((await placedEntries(server)).filter(({ type }) => type.includes('standby'))).toEqual([]);
});
