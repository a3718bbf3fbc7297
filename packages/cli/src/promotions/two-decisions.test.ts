/** On a real server: a rollback takes the application back by one word, and a migration that new code wrote into by another. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment, Client, Outcome } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { placedEntries } from '@headgate/server/testing/placed-entries';
import { RealServer } from '@headgate/server/testing/real-server';
import { didIt, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let company: SmallCompany;
let developer: Client;
let folder: string;
let promotion: string;
const handed: string[] = [];

const headgate = (...args: string[]) => ranCommand(args, { env: {}, cwd: folder });
function does(assignment: Assignment): Outcome {
  handed.push(assignment.step);
  const { action } = assignment;
  const moves = action.kind === 'migrate' || action.kind === 'unmigrate';
  return moves ? { kind: 'done', result: { schemaVersion: action.to } } : didIt(assignment);
}
const rolloutOf = async () => (await developer.call('listRollouts', { promotion })).items[0];
const rollout = () => `${promotion}.stage`;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  developer = await server.client('developer');
  folder = await mkdtemp(join(tmpdir(), 'headgate-two-decisions-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  const { artifact } = company;
  const file = (name: string) => ({ name, digest: digestOf(artifact), size: artifact.length });
  const migrations = [
    { id: 'm2', from: 1, to: 2, phase: 'expand', up: file('002.sql'), down: file('002.down.sql'), undo: 'down' },
  ];
  const rollbackConditions = ['more than two invoices in an hour stay unposted'];
  const release = await company.release('2.0.0', { schemaRange: { min: 2, max: 3 }, migrations, rollbackConditions });
  const planned = await headgate('--as', 'developer', 'plan', release, '--to', 'staging');
  expect(planned.out).toContain('Going back, in two decisions');
  expect(planned.out).toMatch(/undo migration +planned: [^:]*before\s+w1\.deploy/);
  expect(planned.out).toContain(`- ${rollbackConditions[0]}`);
  promotion = (await developer.call('requestPromotion', { body: { release, environment: 'staging' } })).id;
  await company.carryOut(async () => handed.includes('w1.verify'), does);
}, 60_000);
afterAll(async () => {
  await server?.remove();
  await rm(folder, { recursive: true, force: true });
});

it('says both decisions when the first is taken: the application goes back, the store waits for a yes of its own', async () => {
  const { code, out } = await headgate('--as', 'operator', 'rollback', promotion, '--reason', 'invoices fail');
  expect(code).toBe(0);
  expect(out).toMatch(
    /^the application: 1 tenant of 1 cell back; what comes before a yes loses nothing, and is done at once$/m,
  );
  expect(out).toMatch(
    /^the data: store main of cell stage: waits for a yes of its own \(approver\) before undo\.w1\.migrate\.main: take back store main, schema 2 to 1: m2 \(expand\)$/m,
  );
  expect(out).toMatch(
    /^ {2}it would lose: cell stage: .*what was written in store main into what m2 made; how many rows that is isn’t known$/m,
  );
  expect(out).toContain(`headgate explain ${promotion}`);
});

it('takes traffic and code back, and nothing of the data before that yes; the outline has both as data', async () => {
  await company.carryOut(async () => (await rolloutOf())?.phase === 'asking', does);
  expect(handed).toContain('undo.route');
  expect(handed).toContain('undo.w1.deploy');
  expect(handed).not.toContain('undo.w1.migrate.main');
  const { goingBack } = await developer.call('showPlan', { promotion });
  expect(goingBack?.data[0]?.ways.find(({ stands }) => stands === 'planned')).toMatchObject({
    way: 'undo-migration',
    loses: 'not-known',
    losesFrom: 'w1.deploy',
    approver: 'approver',
  });
  const { cells } = await developer.call('showWayBack', { promotion });
  expect(cells[0]?.data).toMatchObject([{ store: 'main', way: 'undo-migration', asks: { approver: 'approver' } }]);
  const { out } = await headgate('explain', promotion);
  expect(out).toContain(`headgate answer ${rollout()} agree`);
  expect(out).toContain('what was written in store main into what m2 made');
});

it('takes the second word from somebody entitled alone, and both stand on the log by name', async () => {
  const refused = await headgate('--as', 'operator', 'answer', rollout(), 'agree');
  expect(refused.code).not.toBe(0);
  expect(refused.out).toContain('somebody with the role approver');
  expect((await headgate('--as', 'approver', 'answer', rollout(), 'agree')).code).toBe(0);
  await company.carryOut(async () => (await developer.call('showPromotion', { promotion })).phase === 'ended', does);
  expect(handed).toContain('undo.w1.migrate.main');
  expect((await developer.call('showPromotion', { promotion })).result).toBe('rolled-back');
  const entries = await placedEntries(server);
  const said = (type: string) => entries.filter((each) => each.type === type).map(({ by }) => by);
  expect(said('promotion.rollback-decided')).toEqual(['usr_operator']);
  expect(said('rollout.answered')).toEqual(['usr_approver']);
});
