import { aCell, aPlan, digestOf, NOON, soundFacts } from '@headgate/testkit/domain/builders';
import { World } from '@headgate/testkit/domain/world';
import { begun, endOf, twoCells } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import { explainPromotion } from '../explain/explain-promotion.ts';
import type { GateFacts } from '../gates/gate.ts';
import {
  type AgentPins,
  documentsOf,
  isObjected,
  type Objection,
  objectionReason,
  objectionsInForce,
  objectionsToPlan,
  objectionUnblocks,
  type ToldPins,
} from './agent-pins.ts';

const plan = aPlan({ cells: [aCell()] });
const [cell] = plan.cells;
const named = documentsOf(cell!);
const own = { policyDigest: plan.policyDigest, documents: named.map(({ digest }) => digest) };

function told(pins: AgentPins, of = cell!.cell): ToldPins {
  return { cell: of, environment: plan.environment, agent: 'agt_one', pins };
}
const codes = (objections: readonly Objection[]) => objections.map(({ code }) => code);
const against = (pins: AgentPins, gates?: GateFacts) =>
  objectionsToPlan(plan, new Map([[cell!.cell, told(pins)]]), gates);

test('a cell’s plan names each of its documents once, those of its undo among them', () => {
  expect(named.length).toBeGreaterThan(0);
  expect(new Set(named.map(({ digest }) => digest)).size).toBe(named.length);
});

describe('an agent objects', () => {
  test.each<[string, AgentPins, readonly string[]]>([
    ['to nothing that it holds', own, []],
    ['to nothing where it holds nothing', {}, []],
    ['to another policy', { ...own, policyDigest: digestOf('another') }, ['other-policy']],
    [
      'to a document that it doesn’t hold',
      { ...own, documents: [digestOf('another')] },
      named.map(() => 'other-document'),
    ],
    ['to every document where it holds none', { ...own, documents: [] }, named.map(() => 'other-document')],
    ['to no document where it doesn’t tell which it holds', { ...own, documents: 'many' }, []],
    ['to approvals that nobody signed', { ...own, signedApprovals: true }, ['signed-approvals']],
  ])('%s', (_what, pins, expected) => {
    expect(codes(against(pins))).toEqual(expected);
  });

  test('in words that name both digests, who holds what, and what would mend it', () => {
    const other = digestOf('another');
    const [objection] = against({ ...own, policyDigest: other });
    expect(objection).toMatchObject({ cell: cell!.cell, environment: plan.environment, agent: 'agt_one' });
    expect(objection!.why).toBe(
      `the agent agt_one of ${plan.environment} holds policy ${other}, and this plan is made under ${plan.policyDigest}: it waits before its first wave`,
    );
    expect(objection!.unblock).toContain(`policyDigest: ${plan.policyDigest}`);
    expect(objection!.unblock).toContain(`\`headgate document diff ${other} ${plan.policyDigest}\``);
    expect(objection).toMatchObject({ held: other, asked: plan.policyDigest });
    const [unread] = against({ ...own, documents: [] });
    expect(unread!.unblock).toContain(`\`headgate document show ${named[0]!.digest}\``);
    const [inForce] = objectionsInForce(told({ ...own, policyDigest: other }), { ...own, documents: named });
    expect(inForce!.why).toBe(
      `the agent agt_one of ${plan.environment} holds policy ${other}, and the policy in force is ${plan.policyDigest}: a promotion there waits before its first wave`,
    );
  });

  test('to a plan that is under what is no longer in force: that is asked for anew, and nothing is pinned', () => {
    const newer = digestOf('in force by now');
    const pins: AgentPins = { ...own, policyDigest: newer };
    const of = (inForce: { policyDigest: typeof newer; documents: typeof named }) =>
      objectionsToPlan(plan, new Map([[cell!.cell, told(pins)]]), undefined, inForce)[0]!;
    expect(of({ policyDigest: newer, documents: named })).toMatchObject({
      code: 'other-policy',
      outdated: true,
      why: expect.stringMatching(/what it is planned under is no longer in force$/),
      unblock: expect.stringMatching(
        new RegExp(
          `headgate reject PROMOTION --reason .*headgate promote ${plan.release.digest} --to ${plan.environment}`,
        ),
      ),
    });
    const still = of({ policyDigest: plan.policyDigest, documents: named });
    expect(still).not.toHaveProperty('outdated');
    expect(still.unblock).toContain(`policyDigest: ${plan.policyDigest}`);
  });

  test('to nothing any more once enough approvals are signed', () => {
    const approval = { by: 'usr_approver', envelope: digestOf('envelope'), at: NOON, expiresAt: NOON + 1_000 };
    const gates = (proof: 'signed' | 'server-attested') =>
      soundFacts(NOON, { envelope: approval.envelope, approvals: [{ ...approval, proof }] });
    const pins = { ...own, signedApprovals: true } as const;
    expect(codes(against(pins, gates('server-attested')))).toEqual(['signed-approvals']);
    expect(codes(against(pins, gates('signed')))).toEqual([]);
  });

  test('for its own cells alone: of others nobody told anything', () => {
    const two = twoCells();
    const other = two.cells[1]!.cell;
    const objections = objectionsToPlan(two, new Map([[other, told({ documents: [] }, other)]]), undefined);
    expect([...new Set(objections.map((each) => each.cell))]).toEqual([other]);
  });
});

test('a reason names the first few and counts the others', () => {
  const objections = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...against({ documents: [] })[0]!, cell: name }));
  expect(objectionReason(objections)).toMatch(
    /^its agent would refuse it: cells a, b, c and 2 more: the agent agt_one/,
  );
  const others = objections.map((each, i) => ({ ...each, why: `${each.why} ${i}` }));
  expect(objectionReason(others)).toMatch(/cell a: .*cell c: .*; and 2 more$/s);
  const many = Array.from({ length: 900 }, (_, i) => ({
    ...objections[0]!,
    cell: `c${i}`,
    why: 'x'.repeat(i + 1_000),
  }));
  expect(objectionReason(many).length).toBeLessThanOrEqual(3_000);
  expect(objectionUnblocks(many)).toEqual([objections[0]!.unblock]);
  expect(isObjected(objectionReason(objections))).toBe(true);
  expect(isObjected('gate approval is pending')).toBe(false);
});

describe('a promotion', () => {
  function objecting(world: World, objections: () => readonly Objection[]): World {
    world.facts = () => ({ ...World.prototype.facts.call(world), objections: objections() });
    return world;
  }
  const objection: Objection = { ...against({ documents: [] })[0]!, cell: 'shared' };

  test('that its agent would refuse waits, nothing spent, and goes on once the agent holds it', () => {
    let open = true;
    const world = objecting(new World(twoCells()), () => (open ? [objection] : []));
    world.tickPromotion();
    expect(world.promotion).toMatchObject({ phase: 'awaiting', reason: 'wave 1: gate approval is pending' });
    world.approve();
    world.tickPromotion();
    expect(world.promotion).toMatchObject({ phase: 'awaiting', wave: 0, reason: objectionReason([objection]) });
    expect(world.rollouts.size).toBe(0);
    const { length } = world.history;
    // The same again is no news.
    expect(world.tickPromotion().lookAt).toBeGreaterThan(world.now);
    expect(world.history).toHaveLength(length);
    open = false;
    expect(endOf(world.run())).toBe('promoted');
    expect(world.promotion.approvals).toHaveLength(1);
  });

  test('waits for no longer than its latest finish, and has changed nothing by then', () => {
    const world = objecting(begun(), () => [objection]).run();
    expect(endOf(world)).toBe('expired');
    expect(world.rollouts.size).toBe(0);
  });

  test('that has begun goes on: what is asked there the agent alone says', () => {
    const world = begun();
    world.tickPromotion();
    expect(world.promotion.wave).toBe(1);
    expect(endOf(objecting(world, () => [objection]).run())).toBe('promoted');
  });

  test('says so among what it waits for, also while its gates are closed', () => {
    const world = new World(twoCells());
    world.tickPromotion();
    const explained = () => explainPromotion(world.promotion, world.rollouts, world.plan, world.gates(), [objection]);
    const closed = explained();
    expect(closed.waits[0]?.why).toMatch(
      /^approval: .*; its agent would refuse it: cell shared: the agent agt_one of /,
    );
    expect(closed.waits[0]?.unblock).toContainEqual({ what: objection.unblock, who: ['agent'] });
    expect(closed.objections).toEqual([objection]);
    world.approve();
    expect(explained().waits[0]).toMatchObject({
      why: objectionReason([objection]),
      unblock: [{ what: objection.unblock }],
    });
    // Whoever doesn't ask the agents' rows has the reason still.
    objecting(world, () => [objection]).tickPromotion();
    const { waits } = explainPromotion(world.promotion, world.rollouts, world.plan, world.gates());
    expect(waits[0]).toMatchObject({ why: objectionReason([objection]), unblock: [{ who: ['agent'] }] });
  });
});
