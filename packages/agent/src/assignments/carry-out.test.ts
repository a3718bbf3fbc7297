import { generateSigningKey, signApproval, signingKey } from '@headgate/documents';
import { type Digest, gatesToOvertake } from '@headgate/domain';
import { DAY_MS, digestOf as namedDigest } from '@headgate/testkit/domain/builders';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Assignment } from '../control-plane/assignment.ts';
import { type BenchAgent, benchAgent, ENROLMENT } from '../testing/bench-agent.ts';
import { forPlan, put, withStep } from '../testing/other-plan.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import { type CarryOutParts, contextOf } from './carry-out.ts';

let sealed: SealedPlan;
let agent: BenchAgent;
beforeEach(async () => {
  sealed = sealedPlan();
  agent = await benchAgent(sealed);
});
afterEach(() => agent.remove());

/** A policy on the server, with the gates of the sound plan. */
function pinned(): Digest {
  const { gates, rollbackScope } = sealed.plan;
  const limits = { latestFinishMs: DAY_MS, approvalMs: DAY_MS };
  const metadata = { name: 'careful', owner: 'security' };
  return put(sealed, { apiVersion: 'headgate/v1', kind: 'Policy', metadata, spec: { gates, rollbackScope, limits } });
}

/** The sound plan as one that overtakes. */
function overtaking(gates = gatesToOvertake(sealed.plan.gates)) {
  return { ...sealed.plan, policyDigest: pinned(), overtakes: 'prm_open', gates };
}

describe('a sound assignment is carried out', () => {
  const steps = [
    'w1.restore-point.main',
    'w1.migrate.main',
    'w1.deploy',
    'w1.route',
    'w1.verify',
    'w1.soak',
    'w3.verify',
  ];
  test.each(steps)('forward %s', async (step) => {
    expect(await agent.carryOut(sealed.forward(step))).toMatchObject({ kind: 'done' });
    expect(agent.cell.done).toEqual([sealed.forward(step).action]);
  });

  const undo = ['undo.route', 'undo.w1.deploy', 'undo.w1.migrate.main', 'recover.reconcile.main', 'recover.verify'];
  test.each(undo)('undo %s, with expired approvals, after the latest finish and under the alarm', async (step) => {
    const approvals = sealed.forward('w1.route').approvals.map((a) => ({ ...a, expiresAt: 1 }));
    const now = () => sealed.now + 30 * DAY_MS;
    expect(await agent.carryOut(sealed.undo(step, { approvals }), { now, alarm: () => FORK })).toMatchObject({
      kind: 'done',
    });
  });

  test('the second try of a step whose first one may have had an effect', async () => {
    const { begun } = sealed.forward('w1.deploy');
    expect(await agent.carryOut(sealed.forward('w1.deploy', { begun: begun + 1 }))).toMatchObject({ kind: 'done' });
  });

  test('the wave goes on when its approvals expire after it opened', async () => {
    const approvals = sealed.forward('w1.route').approvals.map((a) => ({ ...a, expiresAt: 1 }));
    expect(await agent.carryOut(sealed.forward('w1.migrate.main'))).toMatchObject({ kind: 'done' });
    const fence = { epoch: 1, n: 2 };
    expect(await agent.carryOut(sealed.forward('w1.deploy', { approvals, fence }))).toMatchObject({ kind: 'done' });
  });

  test('of a plan with the gates of the pinned policy', async () => {
    const enrolment = { ...ENROLMENT, environments: [{ name: 'production', policyDigest: pinned() }] };
    const assignment = forPlan(sealed, 'w1.route', { ...sealed.plan, policyDigest: pinned() });
    expect(await agent.carryOut(assignment, { enrolment })).toMatchObject({ kind: 'done' });
  });

  test('of a plan that overtakes, with the gates of the pinned policy and two approvals where it asks for one', async () => {
    const enrolment = { ...ENROLMENT, environments: [{ name: 'production', policyDigest: pinned() }] };
    const assignment = forPlan(sealed, 'w1.route', overtaking());
    expect(await agent.carryOut(assignment, { enrolment })).toMatchObject({ kind: 'failed' });
    const [approval] = assignment.approvals;
    const approvals = [approval!, { ...approval!, by: 'usr_second' as const }];
    expect(await agent.carryOut({ ...assignment, approvals }, { enrolment })).toMatchObject({ kind: 'done' });
  });

  test('whose documents are pinned', async () => {
    const documents = documentsOfPlan();
    const enrolment = { ...ENROLMENT, environments: [{ name: 'production', documents }] };
    expect(await agent.carryOut(sealed.forward('w1.verify'), { enrolment })).toMatchObject({ kind: 'done' });
  });

  test('that its approver signed, where nothing less counts', async () => {
    const assignment = sealed.forward('w1.route', { approvals: [signedBy()] });
    expect(await agent.carryOut(assignment, { enrolment: SIGNED_ONLY })).toMatchObject({ kind: 'done' });
  });

  test('an undo of what this agent began, without approvals and under pins that came later', async () => {
    const { steps } = sealed.plan.cells[0]!;
    const last = steps.at(-1)!;
    expect(await agent.carryOut(sealed.forward(last.id))).toMatchObject({ kind: 'done' });
    const { MarksFile } = await import('../marks/marks-file.ts');
    const marks = await MarksFile.open(agent.dir);
    const environments = [{ name: 'production', policyDigest: pinned(), documents: [], signedApprovals: true }];
    const back = sealed.undo('recover.reconcile.main', { approvals: [], fence: { epoch: 1, n: 2 } });
    const outcome = await agent.carryOut(back, { marks, enrolment: { ...ENROLMENT, environments } });
    expect(outcome).toMatchObject({ kind: 'done' });
  });
});

/** All that the sound plan names to be checked or reconciled by. */
function documentsOfPlan(): Digest[] {
  const { steps, recovery } = sealed.plan.cells[0]!;
  return [...steps, ...recovery].flatMap(({ action }) => {
    if ('verification' in action) return [action.verification.digest];
    return 'reconciliation' in action ? [action.reconciliation.digest] : [];
  });
}

const SIGNED_ONLY = { ...ENROLMENT, environments: [{ name: 'production', signedApprovals: true }] };

/** The approval of the sound plan, signed; by default by its approver, now and for a day. */
function signedBy(key = sealed.approverKey, at = sealed.now, envelope = sealed.forward('w1.route').envelope) {
  const content = { envelope, by: 'usr_approver', at, expiresAt: at + DAY_MS };
  const bundle = put(sealed, signApproval(content, key));
  return { ...content, envelope: sealed.forward('w1.route').envelope, proof: 'signed' as const, bundle };
}

const FORK = { why: 'a fork', unblock: 'find out' };

type Case = [title: string, code: string, assignment: () => Assignment, parts?: () => Partial<CarryOutParts>];

const refusals: Case[] = [
  ['of a cell that is not ours', 'unknown-cell', () => sealed.forward('w1.route', { cell: 'other' })],
  ['of another environment', 'not-enrolled', () => sealed.forward('w1.route', { environment: 'staging' })],
  ['of another application', 'not-enrolled', () => sealed.forward('w1.route', { application: 'erp' })],
  [
    'whose plan names another release',
    'other-plan',
    () => sealed.forward('w1.route', { release: { digest: namedDigest('other'), version: '1.1.0' } }),
  ],
  ['that the plan does not have', 'step-not-in-plan', () => sealed.forward('w1.route', { step: 'w9.route' })],
  ['out of its turn', 'step-not-in-plan', () => sealed.forward('w2.route', { begun: 3 })],
  [
    'with other parameters than the plan’s',
    'step-differs',
    () => sealed.forward('w1.route', { action: { kind: 'route', tenants: ['ada', 'bob'], slot: 'green' } }),
  ],
  [
    'with a parameter that the plan does not have',
    'step-differs',
    () => sealed.forward('w1.route', { action: { ...sealed.forward('w1.route').action, force: true } as never }),
  ],
  [
    'that is an undo without a scope',
    'step-not-in-plan',
    () => {
      const { scope: _, ...rest } = sealed.undo('undo.route');
      return rest;
    },
  ],
  [
    'that undoes more than its scope',
    'step-differs',
    () => sealed.undo('undo.route', { step: 'ring.undo.route', scope: { kind: 'ring', wave: 2, cell: 'shared' } }),
  ],
  [
    'that undoes what was not begun',
    'step-not-in-plan',
    () => sealed.undo('undo.w1.deploy', { begun: 1, scope: { kind: 'all', wave: 1 } }),
  ],
  [
    'for another envelope than the plan’s',
    'other-envelope',
    () => {
      const envelope = namedDigest('envelope');
      return sealed.forward('w1.route', {
        envelope,
        approvals: sealed.forward('w1.route').approvals.map((a) => ({ ...a, envelope })),
      });
    },
  ],
  [
    'under another policy than the pinned one',
    'other-policy',
    () => sealed.forward('w1.route'),
    () => ({
      enrolment: { ...ENROLMENT, environments: [{ name: 'production', policyDigest: namedDigest('pinned') }] },
    }),
  ],
  [
    'of a plan that names the pinned policy and leaves out its approval',
    'other-policy',
    () => forPlan(sealed, 'w1.route', { ...sealed.plan, policyDigest: pinned(), gates: [] }),
    () => ({ enrolment: { ...ENROLMENT, environments: [{ name: 'production', policyDigest: pinned() }] } }),
  ],
  [
    'of a plan that overtakes with no approval more than the pinned policy asks for',
    'other-policy',
    () => forPlan(sealed, 'w1.route', overtaking(sealed.plan.gates)),
    () => ({ enrolment: { ...ENROLMENT, environments: [{ name: 'production', policyDigest: pinned() }] } }),
  ],
  [
    'after the latest finish',
    'too-late',
    () => sealed.forward('w1.route'),
    () => ({ now: () => sealed.plan.latestFinish + DAY_MS }),
  ],
  ['while the log contradicts itself', 'log-alarm', () => sealed.forward('w1.verify'), () => ({ alarm: () => FORK })],
  ['without an approval', 'not-approved', () => sealed.forward('w1.route', { approvals: [] })],
  ['that only looks, without an approval', 'not-approved', () => sealed.forward('w1.verify', { approvals: [] })],
  [
    'that undoes what this agent never began, without an approval',
    'not-approved',
    () => sealed.undo('undo.route', { approvals: [] }),
  ],
  [
    'that undoes what this agent never began, under another policy than the pinned one',
    'other-policy',
    () => sealed.undo('recover.verify'),
    () => ({
      enrolment: { ...ENROLMENT, environments: [{ name: 'production', policyDigest: namedDigest('pinned') }] },
    }),
  ],
  [
    'whose plan names a document that nobody pinned, at its very first step',
    'other-document',
    () => sealed.forward('w1.restore-point.main'),
    () => ({ enrolment: { ...ENROLMENT, environments: [{ name: 'production', documents: [] }] } }),
  ],
  [
    'that undoes what this agent never began, with a document that nobody pinned',
    'other-document',
    () => sealed.undo('recover.reconcile.main'),
    () => ({ enrolment: { ...ENROLMENT, environments: [{ name: 'production', documents: [] }] } }),
  ],
  [
    'on the server’s word, where only signed approvals count',
    'not-approved',
    () => sealed.forward('w1.route'),
    () => ({ enrolment: SIGNED_ONLY }),
  ],
  [
    'whose approval a stranger signed',
    'not-approved',
    () => sealed.forward('w1.route', { approvals: [signedBy(signingKey(generateSigningKey().privateKeyPem))] }),
    () => ({ enrolment: SIGNED_ONLY }),
  ],
  [
    'whose approval the release’s key signed',
    'not-approved',
    () => sealed.forward('w1.route', { approvals: [signedBy(sealed.key)] }),
    () => ({ enrolment: SIGNED_ONLY }),
  ],
  [
    'whose approver signed another envelope',
    'not-approved',
    () => {
      const other = signedBy(sealed.approverKey, sealed.now, namedDigest('other'));
      return sealed.forward('w1.route', { approvals: [other] });
    },
    () => ({ enrolment: SIGNED_ONLY }),
  ],
  [
    'that opens a wave with a signed approval that expired, whatever the server says',
    'not-approved',
    () => {
      const long = { ...signedBy(sealed.approverKey, sealed.now - 3 * DAY_MS), expiresAt: sealed.now + DAY_MS };
      return sealed.forward('w2.route', { approvals: [long] });
    },
    () => ({ enrolment: SIGNED_ONLY }),
  ],
  [
    'with an epoch that no number of restores explains',
    'absurd-epoch',
    () => sealed.forward('w1.route', { fence: { epoch: 1_001, n: 1 } }),
  ],
  [
    'approved by the author',
    'not-approved',
    () =>
      sealed.forward('w1.route', {
        approvals: sealed.forward('w1.route').approvals.map((a) => ({ ...a, by: 'usr_author' })),
      }),
  ],
  ['approved by the requester', 'not-approved', () => sealed.forward('w1.route', { requester: 'usr_approver' })],
  [
    'approved for another envelope',
    'not-approved',
    () =>
      sealed.forward('w1.route', {
        approvals: sealed.forward('w1.route').approvals.map((a) => ({ ...a, envelope: namedDigest('other') })),
      }),
  ],
  [
    'that opens a wave with an expired approval',
    'not-approved',
    () =>
      sealed.forward('w2.route', {
        approvals: sealed.forward('w1.route').approvals.map((a) => ({ ...a, expiresAt: sealed.now - DAY_MS })),
      }),
  ],
  [
    'approved by one person twice where two are needed',
    'not-approved',
    () => {
      const gates = sealed.plan.gates.map((g) => (g.gate === 'approval' ? { ...g, params: { count: 2 } } : g));
      const assignment = forPlan(sealed, 'w1.route', { ...sealed.plan, gates });
      return { ...assignment, approvals: [...assignment.approvals, ...assignment.approvals] };
    },
  ],
  [
    'whose plan slips in another migration file',
    'other-release',
    () =>
      forPlan(
        sealed,
        'w1.migrate.main',
        withStep(sealed, 'w1.migrate.main', (action: { migrations: { file: object }[] }) => ({
          ...(action as object),
          migrations: action.migrations.map((m) => ({
            ...m,
            file: { ...m.file, digest: put(sealed, 'drop table customer') },
          })),
        })),
      ),
  ],
  [
    'whose plan gives the release another schema range',
    'other-release',
    () => forPlan(sealed, 'w1.deploy', { ...sealed.plan, schemaRange: { min: 0, max: 9 } }),
  ],
];

describe('by what this agent knows of a plan', () => {
  let n = 0;
  const go = (assignment: Assignment) => agent.carryOut({ ...assignment, fence: { epoch: 1, n: ++n } });
  beforeEach(() => {
    n = 0;
  });

  test('steps go in their order: none is left out, and one may be tried again', async () => {
    for (const step of ['w1.restore-point.main', 'w1.migrate.main', 'w1.migrate.main'])
      expect(await go(sealed.forward(step)), step).toMatchObject({ kind: 'done' });
    expect(await go(sealed.forward('w1.route'))).toMatchObject({ why: expect.stringMatching(/^out-of-order/) });
    expect(await go(sealed.forward('w1.deploy'))).toMatchObject({ kind: 'done' });
  });

  test('what was being taken back never goes forward again', async () => {
    expect(await go(sealed.forward('w1.deploy'))).toMatchObject({ kind: 'done' });
    expect(await go(sealed.undo('undo.w1.deploy'))).toMatchObject({ kind: 'done' });
    expect(await go(sealed.forward('w1.deploy'))).toMatchObject({ why: expect.stringMatching(/^taken-back/) });
  });

  test('only the newest plan is taken back, whoever approved the one before', async () => {
    expect(await go(sealed.forward('w1.deploy'))).toMatchObject({ kind: 'done' });
    const newer = { ...sealed.plan, latestFinish: sealed.plan.latestFinish + 1 };
    expect(await go(forPlan(sealed, 'w1.deploy', newer))).toMatchObject({ kind: 'done' });
    expect(await go(sealed.undo('undo.w1.deploy'))).toMatchObject({ why: expect.stringMatching(/^not-the-newest/) });
  });

  test('a look at the end of a plan does not stand for its beginning', async () => {
    const approvals = sealed.forward('w1.route').approvals.map((a) => ({ ...a, expiresAt: 1 }));
    expect(await go(sealed.forward('w3.verify', { approvals }))).toMatchObject({
      why: expect.stringMatching(/^not-approved/),
    });
  });

  test('what only takes back never goes forward, whatever plan says so', async () => {
    const restore = { kind: 'restore', store: 'main', to: 0 };
    const plan = withStep(sealed, 'w1.restore-point.main', () => restore);
    expect(await go(forPlan(sealed, 'w1.restore-point.main', plan))).toMatchObject({
      why: expect.stringMatching(/^step-not-in-plan/),
    });
  });
});

describe('a step is refused, and nothing is done,', () => {
  test.each(refusals)('%s', async (_title, code, assignment, parts) => {
    const outcome = await agent.carryOut(assignment(), parts?.());
    expect(outcome).toMatchObject({ kind: 'failed', code: 'rejected' });
    expect(outcome.kind === 'failed' && outcome.why).toMatch(new RegExp(`^${code}: can't .+; `));
    expect(agent.cell.done).toEqual([]);
  });

  test('replayed, also after a restart; a lower epoch, too', async () => {
    const step = (epoch: number, n: number) => sealed.forward('w1.route', { fence: { epoch, n } });
    expect(await agent.carryOut(step(2, 7))).toMatchObject({ kind: 'done' });
    expect(await agent.carryOut(step(2, 7))).toMatchObject({
      code: 'rejected',
      why: expect.stringMatching(/^replayed/),
    });
    const { MarksFile } = await import('../marks/marks-file.ts');
    const marks = await MarksFile.open(agent.dir);
    expect(await agent.carryOut(step(2, 6), { marks })).toMatchObject({ why: expect.stringMatching(/^replayed/) });
    expect(await agent.carryOut(step(1, 99), { marks })).toMatchObject({ why: expect.stringMatching(/^lower-epoch/) });
    expect(agent.cell.done).toHaveLength(1);
    expect(await agent.carryOut(step(2, 8), { marks })).toMatchObject({ kind: 'done' });
    expect(await agent.carryOut(step(3, 1), { marks })).toMatchObject({ kind: 'done' });
  });
});

test.each([
  [60_000, 57_000],
  [1_000, 900],
])('of a step’s %i ms its work has %i: the reason why it isn’t done is told before the lease ends', (stepMs, most) => {
  const assignment = { ...sealed.forward('w1.deploy'), stepMs };
  const ctx = contextOf({} as CarryOutParts, assignment, new AbortController().signal, pino({ level: 'silent' }));
  expect(ctx.remainingMs()).toBeGreaterThan(0);
  expect(ctx.remainingMs()).toBeLessThanOrEqual(most);
});

test('what breaks on the way is a transient failure', async () => {
  agent.cell.act = () => Promise.reject(new Error('connection reset'));
  expect(await agent.carryOut(sealed.forward('w1.route'))).toEqual({
    kind: 'failed',
    code: 'transient',
    why: 'connection reset',
  });
});
