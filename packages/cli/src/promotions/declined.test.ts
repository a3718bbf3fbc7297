/** A person declines to lose data, on a real server: the cell stays as it stands, and a fix goes forward from there. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment, Client, Outcome } from '@headgate/contract';
import { digestOf } from '@headgate/documents';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { didIt, refused, SmallCompany } from '@headgate/server/testing/small-company';
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
  return action.kind === 'migrate' ? { kind: 'done', result: { schemaVersion: action.to } } : didIt(assignment);
}
const rolloutOf = async () => (await developer.call('listRollouts', { promotion })).items[0];

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  developer = await server.client('developer');
  folder = await mkdtemp(join(tmpdir(), 'headgate-declined-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  const { artifact } = company;
  const up = { name: '002.sql', digest: digestOf(artifact), size: artifact.length };
  const migrations = [{ id: 'm2', from: 1, to: 2, phase: 'expand', up, undo: 'restore' }];
  const release = await company.release('2.0.0', { schemaRange: { min: 2, max: 3 }, migrations });
  promotion = (await developer.call('requestPromotion', { body: { release, environment: 'staging' } })).id;
  await company.carryOut(async () => handed.includes('w1.verify'), does);
  await headgate('--as', 'operator', 'rollback', promotion, '--reason', 'invoices fail');
  await company.carryOut(async () => (await rolloutOf())?.phase === 'asking', does);
}, 60_000);
afterAll(async () => {
  await server?.remove();
  await rm(folder, { recursive: true, force: true });
});

it('asks with both answers, and takes no decline without a reason', async () => {
  const { out } = await headgate('explain', promotion);
  expect(out).toContain(`headgate answer ${promotion}.stage agree`);
  expect(out).toContain(`headgate answer ${promotion}.stage decline --reason "…"`);
  const operator = await server.client('operator');
  const call = operator.call('answerRollout', { rollout: `${promotion}.stage`, body: { answer: 'decline' } });
  expect((await refused(call)).code).toBe('no-reason');
  expect((await headgate('--as', 'operator', 'answer', `${promotion}.stage`, 'decline')).code).not.toBe(0);
  expect((await rolloutOf())?.phase).toBe('asking');
});

it('takes an answer to the step that it asks about, and to no other: a yes that is sent twice agrees to nothing else', async () => {
  const rollout = `${promotion}.stage`;
  const step = 'undo.w1.migrate.main';
  expect((await headgate('explain', promotion)).out).toMatch(
    new RegExp(`headgate answer ${rollout} agree --asked \\d+ --step ${step}`),
  );
  const wrong = await headgate('--as', 'approver', 'answer', rollout, 'agree', '--step', step, '--asked', '0');
  expect([wrong.code === 0, wrong.out]).toEqual([
    false,
    expect.stringContaining('was handed out since, and it asks anew'),
  ]);
  const approver = await server.client('approver');
  const other = approver.call('answerRollout', { rollout, body: { answer: 'agree', step: 'undo.w1.open.ada' } });
  expect(await refused(other)).toMatchObject({
    code: 'other-step',
    message: expect.stringContaining(`it asks about ${step} by now, and the answer is to undo.w1.open.ada`),
    problem: { status: 409 },
  });
  const said = await headgate('--as', 'approver', 'answer', rollout, 'agree', '--step', 'undo.w1.open.ada');
  expect(said.code).not.toBe(0);
  expect(said.out).toContain(`it asks: approver must agree to ${step}: it loses data`);
  expect((await rolloutOf())?.phase).toBe('asking');
});

it('explain says who asks what may be answered by them, and of who may answer nothing that they may only look', async () => {
  const mine = async (who: string) => (await headgate('--as', who, 'explain', promotion)).out.split('\n').at(-2);
  expect(await mine('approver')).toMatch(
    /^You may: (?=.*headgate answer \S+ agree --asked \d+ --step)(?=.*headgate answer \S+ decline)/,
  );
  expect(await mine('operator')).toMatch(/headgate answer \S+ decline/);
  expect(await mine('operator')).not.toContain(' agree ');
  expect(await mine('auditor')).toBe('You may only look.');
});

it('incident names the question and both answers with what each loses, to who may not give them, too', async () => {
  const { out } = await headgate('--as', 'operator', 'incident');
  expect(out).toMatch(
    /at hand in stage: undo\.\S+ \(restore store main.*\): asks: approver must agree to undo\.\S+: it loses data/,
  );
  expect(out).toMatch(
    new RegExp(
      `somebody can: headgate answer ${promotion}\\.stage agree --asked \\d+ --step undo\\.\\S+\\n.*LOSES: restore store main.*\\[approver\\]`,
    ),
  );
  expect(out).toMatch(
    new RegExp(
      `  can: headgate answer ${promotion}\\.stage decline --reason "…" --step undo\\.\\S+\\n +nothing is lost: .*`,
    ),
  );
  // It goes back already: typed once more it would change nothing but the reason.
  expect(out).not.toContain('headgate rollback');
  await headgate('--as', 'operator', 'rollback', promotion, '--reason', 'as incident says');
  const { undo } = (await developer.call('showPromotion', { promotion })) as { undo?: { because?: string } };
  expect(undo?.because).toBe('invoices fail');
});

it('stays as it stands, with who said so and why, and what can be done next', async () => {
  const words = ['decline', '--reason', 'customers wrote invoices'];
  const { code, out } = await headgate('--as', 'operator', 'answer', `${promotion}.stage`, ...words);
  expect(code).toBe(0);
  expect(out).toMatch(
    /^it asks: approver must agree to undo\.w1\.migrate\.main: it loses data, what was written in store main since its restore point of \S+Z \(.* ago\); how many rows that is isn’t known\n\S+stage {2}settled {2}kept/,
  );
  expect(out).toContain('next: `headgate promote RELEASE --to staging`');
  await until('it ends', async () => (await developer.call('showPromotion', { promotion })).phase === 'ended');
  expect(await developer.call('showPromotion', { promotion })).toMatchObject({
    result: 'partly-rolled-back',
    because: expect.stringContaining('in cell stage what would lose data was declined'),
  });
  const explained = await headgate('explain', promotion);
  expect(explained.out).toMatch(/in cell stage \S+ declined undo\.\S+ at \S+Z: customers wrote invoices/);
  expect(explained.out).toContain('next: `headgate promote RELEASE --to staging`');
});

it('hands out nothing more of its undo, and nothing is promoted there before it was observed', async () => {
  const before = handed.length;
  const { assignment } = await company.agent.call('leaseStep', { body: { waitMs: 300 } });
  expect(assignment).toBeNull();
  expect(handed.slice(0, before)).not.toContain('undo.w1.migrate.main');
  const fix = await company.release('2.0.1', { schemaRange: { min: 2, max: 3 } });
  const body = { release: fix, environment: 'staging' };
  expect((await refused(developer.call('requestPromotion', { body }))).code).toBe('uncertain');
  const operator = await server.client('operator');
  await until('an observation settles it', async () => {
    const seen = { ...company.observation('stage', 'staging'), stores: { main: { schemaVersion: 2 } } };
    await company.agent.call('observeCell', { cell: 'stage', body: seen });
    return !(await operator.call('showCell', { cell: 'stage' })).uncertain;
  });
  const { id } = await developer.call('requestPromotion', { body });
  await company.carryOut(
    async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended',
    does,
  );
  expect((await developer.call('showPromotion', { promotion: id })).result).toBe('promoted');
});

it('is on the log: rows and entries agree about all of it', async () => {
  const auditor = await server.client('auditor');
  expect(await auditor.call('auditLog', { limit: 500 })).toMatchObject({ differences: [], next: null });
});
