/** A soak lasts for as long as everybody of an environment is on the release, and the next one's gate says so. */
import type { Client } from '@headgate/contract';
import { type Plan, undoSteps } from '@headgate/domain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { didIt, SmallCompany } from './testing/small-company.ts';

const AN_HOUR_FIRST = `apiVersion: headgate/v1
kind: Policy
metadata: {name: careful, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: soaked, params: {environment: staging, durationMs: 3600000}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let company: SmallCompany;
let developer: Client;
type Release = Awaited<ReturnType<SmallCompany['release']>>;
let first: Release;
let second: Release;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  developer = await server.client('developer');
  const manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'careful.yaml', text: AN_HOUR_FIRST }] } });
  [first, second] = [await company.release('2.0.0'), await company.release('2.1.0')];
});
afterAll(() => server?.remove());

async function ask(release: Release, tenants?: string[]) {
  const body = { release, environment: 'staging', ...(tenants && { tenants }) };
  return developer.call('requestPromotion', { body });
}

async function settled(promotion: string): Promise<boolean> {
  const { items } = await developer.call('listRollouts', { promotion });
  const { phase } = await developer.call('showPromotion', { promotion });
  return phase === 'ended' && items.every((rollout) => rollout.phase === 'settled');
}

async function promote(release: Release, tenants?: string[]) {
  const asked = await ask(release, tenants);
  await company.carryOut(() => settled(asked.id));
  return asked;
}

/** What production's gate says of a release. */
async function says(release: Release): Promise<string> {
  const { verdicts } = await developer.call('planPromotion', { body: { release, environment: 'production' } });
  const { verdict, because } = verdicts.find(({ gate }) => gate === 'soaked') ?? { verdict: 'none', because: '' };
  return `${verdict}: ${because}`;
}

const STILL = /^pending: in staging for \d+ s of 1 h$/;
const left = (why: string) => new RegExp(`^fail: was in staging for \\d+ s of 1 h, and no longer is: ${why}$`);

it('ends with the first wave of another release, and goes on once that is rolled back', async () => {
  await promote(first);
  expect(await says(first)).toMatch(STILL);
  const { id } = await ask(second);
  let handed = 0;
  await company.carryOut(
    async () => handed > 0,
    (assignment) => {
      handed++;
      return didIt(assignment);
    },
  );
  expect(await says(first)).toMatch(left(`promotion ${id} took 2.1.0 there`));
  const operator = await server.client('operator');
  await operator.call('rollBackPromotion', { promotion: id, body: { reason: 'invoices fail' } });
  await company.carryOut(() => settled(id));
  expect((await developer.call('showPromotion', { promotion: id })).result).toBe('rolled-back');
  expect(await says(first)).toMatch(STILL);
  expect(await says(second)).toMatch(/^no-data/);
});

it('ends for good when another release takes its place, and begins anew when it is promoted again', async () => {
  const { id } = await promote(second);
  expect(await says(first)).toMatch(left(`promotion ${id} took 2.1.0 there`));
  expect(await says(second)).toMatch(STILL);
  const again = await promote(first);
  expect(await says(first)).toMatch(STILL);
  expect(await says(second)).toMatch(left(`promotion ${again.id} took 2.0.0 there`));
  // What was rolled back in between is no promotion of it.
  const { promoted } = await developer.call('showRelease', { digest: first });
  expect(promoted.map(({ environment }) => environment)).toEqual(['staging', 'staging']);
});

it('ends when some tenants leave, and begins when they are back', async () => {
  const { id } = await promote(second, ['acme']);
  expect(await says(first)).toMatch(left(`promotion ${id} took 2.1.0 there`));
  expect(await says(second)).toMatch(/^fail/);
  await promote(first, ['acme']);
  expect(await says(first)).toMatch(STILL);
});

it('ends when an agent tells, late, that it took the release back', async () => {
  const third = await company.release('2.2.0');
  const { id, plan: digest } = await promote(third);
  expect(await says(third)).toMatch(STILL);
  const plan = JSON.parse(Buffer.from(await developer.call('getBlob', { digest })).toString('utf8')) as Plan;
  const scope = { kind: 'all' as const, wave: 2 };
  const begun = plan.cells[0]!.steps.length;
  const steps = undoSteps(plan.cells[0]!, scope, begun).map(({ id, action }) => {
    const outcome = didIt({ action } as never);
    return { id, result: outcome.kind === 'done' ? outcome.result : {} };
  });
  const who = { by: 'usr_op', because: 'invoices fail', since: Date.now() };
  const body = { plan: digest, scope, begun, steps, n: 90, ...who } as const;
  expect((await company.agent.call('tellUndone', { rollout: `${id}.stage`, body })).took).toBe('late');
  expect(await says(third)).toMatch(left('agt_shop took it back in cell stage while the server was away'));
});

it('is on the log: rows and entries agree about all of it', async () => {
  const auditor = await server.client('auditor');
  const { differences, next } = await auditor.call('auditLog', { limit: 500 });
  expect({ differences, next }).toEqual({ differences: [], next: null });
});
