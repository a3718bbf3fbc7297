/** What an agent tells that it undid by itself, as a real server takes it up. */
import type { Client, LogEvent } from '@headgate/contract';
import type { Digest, Plan } from '@headgate/domain';
import { undoSteps } from '@headgate/domain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { placedEntries } from './testing/placed-entries.ts';
import { RealServer, until } from './testing/real-server.ts';
import { didIt, refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let developer: Client;
const rollout = (promotion: string): string => `${promotion}.stage`;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  developer = await server.client('developer');
});
afterAll(() => server?.remove());

async function ask(version: string) {
  const release = await company.release(version);
  const { id, plan: digest } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
  const bytes = await developer.call('getBlob', { digest });
  return { id, digest, plan: JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan };
}

/** The whole undo, as an agent tells it that began so many steps and had taken so many tokens. */
function told(digest: Digest, plan: Plan, begun: number, n: number) {
  const scope = { kind: 'cell' as const, wave: 1, cell: 'stage' };
  const steps = undoSteps(plan.cells[0]!, scope, begun).map(({ id, action }) => {
    const outcome = didIt({ action } as never);
    return { id, result: outcome.kind === 'done' ? outcome.result : {} };
  });
  return { plan: digest, scope, begun, steps, n, by: 'usr_op', because: 'invoices fail', since: Date.now() } as const;
}

async function entriesOf(stream: string): Promise<LogEvent[]> {
  return (await placedEntries(server)).filter((entry) => entry.stream === stream);
}

it('takes it up once, in the middle of a wave; the promotion decides to go back, and no step is handed out again', async () => {
  const { id, digest, plan } = await ask('2.0.0');
  const begun = plan.cells[0]!.steps.findIndex((step) => step.action.kind === 'verify');
  let last = 0;
  await company.carryOut(
    async () => {
      const { items } = await developer.call('listRollouts', { promotion: id });
      return (items[0]?.begun ?? 0) > begun && items[0]?.phase !== 'leased';
    },
    (assignment) => {
      last = assignment.fence.n;
      return assignment.action.kind === 'verify'
        ? { kind: 'waiting', reason: 'still at it', untilMs: 600_000 }
        : didIt(assignment);
    },
  );
  const body = told(digest as Digest, plan, begun + 1, last + 9);
  expect((await company.agent.call('tellUndone', { rollout: rollout(id), body })).took).toBe('taken-up');
  expect((await company.agent.call('tellUndone', { rollout: rollout(id), body })).took).toBe('known');
  await until('it ended', async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended');
  expect((await company.agent.call('tellUndone', { rollout: rollout(id), body })).took).toBe('known');
  const shown = await developer.call('showPromotion', { promotion: id });
  expect(shown).toMatchObject({ result: 'rolled-back' });
  expect(shown.undo!.because).toBe(
    'undone by agt_shop while the server was away, which says that usr_op decided it: invoices fail',
  );
  const types = (await entriesOf(`rollout/${rollout(id)}`)).map((entry) => entry.type);
  expect(types.filter((type) => type === 'rollout.undone-away')).toHaveLength(1);
  expect(types.slice(types.indexOf('rollout.undone-away'))).toEqual(['rollout.undone-away', 'rollout.settled']);
});

it('goes on above the agent’s tokens: the cell’s next rollout begins after them', async () => {
  const before = (await entriesOf('cell/stage')).findLast((entry) => entry.type === 'cell.changed')!;
  const { id } = await ask('2.1.0');
  let first = 0;
  await company.carryOut(
    async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended',
    (assignment) => {
      first ||= assignment.fence.n;
      return didIt(assignment);
    },
  );
  expect(first).toBe((before.data as { assigned: number }).assigned + 1);
});

it('of a settled rollout the result stays: its cell is uncertain until it is observed, and the log says why', async () => {
  const { id, digest, plan } = await ask('2.2.0');
  await company.carryOut(async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended');
  await until('it is settled', async () => {
    const { items } = await developer.call('listRollouts', { promotion: id });
    return items.every((each) => each.phase === 'settled');
  });
  // An agent whose clock is ahead: what happened isn't turned down for that, and was not later than now.
  const body = { ...told(digest as Digest, plan, plan.cells[0]!.steps.length, 500), since: 8_000_000_000_000_000 };
  expect((await company.agent.call('tellUndone', { rollout: rollout(id), body })).took).toBe('late');
  const operator = await server.client('operator');
  expect((await operator.call('showCell', { cell: 'stage' })).uncertain).toBe(true);
  const said = (await entriesOf('cell/stage')).findLast((entry) => entry.type === 'cell.changed');
  expect(JSON.stringify(said?.data)).toContain(
    'undone by agt_shop while the server was away, which says that usr_op decided it',
  );
  const { away } = said!.data as { away: { since: number } };
  expect(away.since).toBeLessThanOrEqual(said!.at);
  expect((await developer.call('showPromotion', { promotion: id })).result).toBe('promoted');
  await until('an observation settles it', async () => {
    await company.agent.call('observeCell', { cell: 'stage', body: company.observation('stage', 'staging') });
    return !(await operator.call('showCell', { cell: 'stage' })).uncertain;
  });
});

it('of a settled rollout whose cell another holds: that one stops until a person says so, and goes on above its tokens', async () => {
  const before = await ask('2.4.0');
  const isSettled = async (promotion: string) => {
    const { items } = await developer.call('listRollouts', { promotion });
    return items.length > 0 && items.every(({ phase }) => phase === 'settled');
  };
  const tokens: number[] = [];
  const does: typeof didIt = (assignment) => {
    tokens.push(assignment.fence.n);
    return didIt(assignment);
  };
  await company.carryOut(() => isSettled(before.id), does);
  const { id } = await ask('2.5.0');
  const early = tokens.length;
  await company.carryOut(async () => tokens.length > early + 1, does);
  const n = tokens.at(-1)! + 500;
  const body = told(before.digest as Digest, before.plan, before.plan.cells[0]!.steps.length, n);
  const tell = () => company.agent.call('tellUndone', { rollout: rollout(before.id), body });
  expect((await tell()).took).toBe('late');
  const paused = await developer.call('showPromotion', { promotion: id });
  expect(paused).toMatchObject({
    phase: 'paused',
    reason: expect.stringContaining(`in cell stage is gone: rollout ${before.id}.stage was undone by agt_shop`),
  });
  expect((await tell()).took).toBe('known');
  const { assignment } = await company.agent.call('leaseStep', { body: { waitMs: 300 } });
  expect(assignment).toBeNull();
  const operator = await server.client('operator');
  const isUncertain = async () => (await operator.call('showCell', { cell: 'stage' })).uncertain;
  await operator.call('resumePromotion', { promotion: id });
  const stopped = tokens.length;
  await company.carryOut(() => isSettled(id), does);
  const after = tokens.slice(stopped);
  expect(after).toEqual(after.map((_, i) => n + 1 + i));
  // What was told is not forgotten over what came after it.
  expect(await isUncertain()).toBe(true);
  const said = (await entriesOf('cell/stage')).findLast((entry) => entry.type === 'cell.changed')!;
  expect(said.data).toMatchObject({ rollout: `${id}.stage`, uncertain: true, assigned: after.at(-1) });
  await until('an observation settles it', async () => {
    await company.agent.call('observeCell', { cell: 'stage', body: company.observation('stage', 'staging') });
    return !(await isUncertain());
  });
  const next = await ask('2.6.0');
  const last = tokens.at(-1)!;
  await company.carryOut(() => isSettled(next.id), does);
  expect(tokens[tokens.indexOf(last) + 1]).toBe(last + 1);
});

it('refuses what can’t be, in words: no such rollout, another plan, and whoever is no agent', async () => {
  const { id, digest, plan } = await ask('2.3.0');
  await until('it is open', async () => (await developer.call('listRollouts', { promotion: id })).items.length > 0);
  const body = told(digest as Digest, plan, 1, 1_000);
  expect((await refused(company.agent.call('tellUndone', { rollout: 'prm_x.stage', body }))).status).toBe(404);
  const other = company.agent.call('tellUndone', {
    rollout: rollout(id),
    body: { ...body, plan: plan.release.digest },
  });
  expect((await refused(other)).code).toBe('other-plan');
  const last = { ...body, n: 1_000_000 };
  expect((await refused(company.agent.call('tellUndone', { rollout: rollout(id), body: last }))).code).toBe(
    'absurd-token',
  );
  expect((await refused(developer.call('tellUndone', { rollout: rollout(id), body }))).status).toBe(403);
});
