/**
 * The journeys that the corpus is made of: together they reach every phase of the promotion, the rollout and the
 * hypercare, and every kind of event. They drive the shipped deciders and nothing else.
 */
import type {
  Action,
  Hypercare,
  HypercareEvent,
  HypercareFacts,
  PolicySpec,
  Rollout,
  RolloutAnswer,
  UndoneAway,
} from '@headgate/domain';
import {
  accepted,
  decideAnswer,
  decideGo,
  decideKeep,
  decideOvertake,
  decidePause,
  decideReject,
  decideResume,
  decideRollback,
  decideUndoneAway,
  evolveHypercare,
  nextOfHypercare,
  type PlanRequest,
  planPromotion,
  succeedHypercare,
  takeUp,
} from '@headgate/domain';
import {
  aManifest,
  aMigration,
  anApplication,
  anUpgrade,
  aPlan,
  aPolicy,
  aRelease,
  brokenChecks,
  DAY_MS,
  HOUR_MS,
  NOON,
} from '@headgate/testkit/domain/builders';
import { toldUndo } from '@headgate/testkit/domain/undone-away';
import { type Carry, sound, World } from '@headgate/testkit/domain/world';
import { begun, breaking, held, offered, reached, twoCells } from '@headgate/testkit/domain/worlds';

const BY = 'usr_operator';

const answer = (world: World, cell: string, role: 'operator' | 'approver', said: RolloutAnswer): boolean =>
  world.answer(cell, (r: Rollout, now) =>
    decideAnswer(r, world.cellPlan(cell), { id: BY, roles: [role] }, now, said, 'customers wrote since'),
  );

/** A plan whose migration is undone by a restore alone. */
const restoring = (policy: PolicySpec = aPolicy()) =>
  aPlan({ policy, manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) });

/** A plan whose migration can't run beside the posting of invoices. */
const closing = () =>
  aPlan({
    application: anApplication({
      operations: [
        {
          name: 'post-invoice',
          says: 'Invoices can’t be posted at the moment.',
          requests: [{ methods: ['POST'], path: '/invoices/*/post' }],
        },
      ],
    }),
    manifest: aManifest({ migrations: [aMigration(1, { closes: ['post-invoice'] })] }),
  });

/** It stands before its point of no return, and nobody has said go. */
function beforeNoReturn(): World {
  const gate = { gate: 'go-no-go', at: 'no-return', params: {} } as const;
  const world = begun(restoring(aPolicy({ gates: [...aPolicy().gates, gate] })));
  return world.run(sound, () => world.promotion.goAsked !== undefined);
}

/** Silence at a step, once. */
function silentOnce(step: string, then: Carry = sound): Carry {
  let heard = false;
  return (c, s, action, now) => {
    if (s !== step || heard) return then(c, s, action, now);
    heard = true;
    return 'silence';
  };
}

/** The migration's outcome isn't known, once. */
function askingOnce(): Carry {
  let asked = false;
  return (c, s, action, now) => {
    if (s !== 'w1.migrate.main' || asked) return sound(c, s, action, now);
    asked = true;
    return { kind: 'waiting', reason: 'ask', untilMs: 0 };
  };
}

export const WORLDS: Readonly<Record<string, () => World>> = {
  promoted: () => begun().run(),
  'expired-unapproved': () => new World(twoCells()).run(),
  rejected: () => {
    const world = new World(twoCells());
    world.tickDue();
    world.command((p, now) => decideReject(p, BY, 'not this week', now));
    return world.run();
  },
  'rolled-back-all': () => begun().run(breaking('shared', 'w2.verify', 'bob')),
  'rolled-back-ring-then-kept': () => {
    const world = begun(twoCells('ring'));
    world.run(breaking('shared', 'w2.verify', 'bob'), held(world));
    world.command((p, now) => decideKeep(p, BY, now));
    return world.run();
  },
  'rolled-back-tenant-then-widened': () => {
    const world = begun(twoCells('tenant'));
    world.run(breaking('shared', 'w2.verify', 'bob'), held(world));
    world.command((p, now) => decideRollback(p, BY, 'bring the rest back too', now));
    return world.run();
  },
  'rolled-back-cell-unanswered': () => begun(twoCells('cell')).run(breaking('dedicated', 'w3.verify', 'yan')),
  'paused-and-resumed': () => {
    const world = begun();
    world.run(sound, () => world.promotion.phase === 'advancing' && world.promotion.wave === 2);
    world.command((p, now) => decidePause(p, BY, 'lunch', now));
    world.run(sound, () => world.now > NOON + HOUR_MS / 2);
    world.command((p) => decideResume(p, BY));
    return world.run();
  },
  'lease-lost-and-tried-again': () =>
    begun().run(
      silentOnce('w1.migrate.main', (c, s, action, now) =>
        s === 'w1.deploy' && now < NOON + 4_000
          ? { kind: 'failed', code: 'transient', why: 'the port is still taken' }
          : sound(c, s, action, now),
      ),
    ),
  'a-step-waits': () => {
    let waits = 2;
    return begun().run((c, s, action, now) =>
      s === 'w1.restore-point.main' && waits-- > 0
        ? { kind: 'waiting', reason: 'another backup runs', untilMs: 30_000 }
        : sound(c, s, action, now),
    );
  },
  'unknown-answered': () => {
    const world = begun();
    const carry = askingOnce();
    world.run(carry, reached(world, 'asking'));
    answer(world, 'shared', 'operator', 'retry');
    return world.run(carry);
  },
  'restore-agreed': () => {
    const world = begun(restoring());
    const carry = breaking('shared', 'w1.verify', 'ada');
    world.run(carry, reached(world, 'asking'));
    answer(world, 'shared', 'approver', 'agree');
    return world.run(carry);
  },
  'restore-declined': () => {
    const world = begun(restoring());
    const carry = breaking('shared', 'w1.verify', 'ada');
    world.run(carry, reached(world, 'asking'));
    answer(world, 'shared', 'operator', 'decline');
    return world.run(carry);
  },
  'go-said': () => {
    const world = beforeNoReturn();
    world.command((p, now) => decideGo(p, BY, 'the night is quiet', now));
    return world.run();
  },
  'no-go': () => {
    const world = beforeNoReturn();
    world.command((p, now) => decideRollback(p, BY, 'not tonight', now));
    return world.run();
  },
  'closes-operations': () => begun(closing()).run(),
  'closes-operations-and-goes-back-within': () =>
    begun(closing()).run((c, s, action, now) =>
      s === 'w1.migrate.main'
        ? { kind: 'failed', code: 'rejected', why: 'invoice 7 has no customer' }
        : sound(c, s, action, now),
    ),
  'undo-fails-and-tries-again': () => {
    let fails = 1;
    return begun().run((c, s, action, now) => {
      if (c === 'shared' && s === 'w2.verify') return brokenChecks('bob', now);
      if (s === 'undo.route' && fails-- > 0) return { kind: 'failed', code: 'rejected', why: 'the router is gone' };
      return sound(c, s, action, now);
    });
  },
  'revoked-by-a-person': () => {
    const world = begun();
    world.run(sound, offered(world, 1));
    world.lease('shared');
    world.command((p, now) => decideRollback(p, BY, 'changed my mind', now));
    return world.run();
  },
  'frozen-in-mid-wave': () => {
    const world = begun();
    return world.run((c, s, action, now) => {
      if (s === 'w2.route') world.freezes = [{ name: 'payroll', from: now, to: now + HOUR_MS, reason: 'pay day' }];
      return sound(c, s, action, now);
    });
  },
  'out-of-time-and-kept': () => {
    const world = begun();
    world.run(sound, offered(world, 4));
    world.windowOpen = false;
    world.now = world.plan.latestFinish;
    world.tickDue(held(world));
    world.command((p, now) => decideKeep(p, BY, now));
    return world.run();
  },
};

const upgrading = (more: Partial<PlanRequest> = {}): World => {
  const planned = planPromotion(anUpgrade(more));
  if (!planned.ok) throw new Error(planned.refusals[0]?.why);
  return begun(planned.plan);
};

/** Tenants with stores of their own: held, upgraded, opened; one of them goes back; some alone; readers served at first. */
export const OWN_STORES: Readonly<Record<string, () => World>> = {
  'own-stores-promoted': () => upgrading().run(),
  'own-stores-one-goes-back-then-kept': () => {
    const world = upgrading();
    world.run(breaking('shared', 'w2.verify.bob', 'bob'), held(world));
    world.command((p, now) => decideKeep(p, BY, now));
    return world.run();
  },
  'own-stores-all-go-back-once-agreed': () => {
    const world = upgrading();
    const carry = breaking('shared', 'w2.verify.bob', 'bob');
    world.run(carry, held(world));
    world.command((p, now) => decideRollback(p, BY, 'bring the rest back too', now));
    world.run(carry, reached(world, 'asking'));
    answer(world, 'shared', 'approver', 'agree');
    return world.run(carry);
  },
  'own-stores-for-one-tenant': () => upgrading({ tenants: ['bob'] }).run(),
  'own-stores-read-first': () =>
    upgrading({ policy: aPolicy({ rollbackScope: 'tenant', maintenance: 'reads-first' }) }).run(
      breaking('shared', 'w1.verify.ada', 'ada'),
    ),
};

const told = (world: World, what: UndoneAway): boolean =>
  world.answer('shared', (r, now) => decideUndoneAway(r, world.cellPlan('shared'), 'agt_1', what, now, 0));

/** A step of this kind is at work in the shared cell, and nobody hears of it. */
function atWork(kind: Action['kind']): World {
  const world = begun();
  const silent: Carry = (c, s, action, now) => (action.kind === kind ? 'silence' : sound(c, s, action, now));
  return world.run(
    silent,
    () => world.rollouts.get('shared')?.phase === 'leased' && world.action('shared')?.kind === kind,
  );
}

/** What happens beside the plan: a hotfix overtakes, an agent goes back by itself, the control plane was restored. */
export const INTERRUPTED: Readonly<Record<string, () => World>> = {
  'overtaken-between-waves': () => {
    const world = begun();
    world.run(sound, () => world.promotion.phase === 'awaiting' && world.promotion.wave === 1);
    world.command((p, now) =>
      decideOvertake(p, { plan: world.plan, rollouts: world.rollouts, now }, BY, 'prm_2', 'invoices are wrong'),
    );
    return world.run();
  },
  // A soak changes nothing: a hotfix need not wait for its end, and takes its lease away.
  'overtaken-in-a-soak': () => {
    const world = atWork('soak');
    world.command((p, now) =>
      decideOvertake(p, { plan: world.plan, rollouts: world.rollouts, now }, BY, 'prm_2', 'invoices are wrong'),
    );
    return world.run();
  },
  'waits-for-what-its-agent-holds': () => {
    const world = begun();
    const [cell] = world.plan.cells;
    const objection = { cell: cell!.cell, environment: world.plan.environment, agent: 'agt_1' } as const;
    const words = { why: 'it holds another policy', unblock: 'pin it there' };
    world.objections = [{ ...objection, code: 'other-policy', ...words, asked: world.plan.policyDigest }];
    world.run(sound, () =>
      /another policy/.test(world.promotion.phase === 'ended' ? '' : JSON.stringify(world.promotion)),
    );
    world.objections = [];
    return world.run();
  },
  'undone-away': () => {
    const world = atWork('soak');
    told(world, toldUndo(world));
    return world.run();
  },
  'undone-away-half-way': () => {
    const world = atWork('soak');
    told(world, toldUndo(world, { count: 2, stopped: 'it still serves' }));
    return world.run();
  },
  'read-back-farther-than-remembered': () => {
    const world = atWork('deploy');
    readBack(world, 1);
    return world.run();
  },
  'read-back-while-asking': () => {
    const world = begun();
    const carry = askingOnce();
    world.run(carry, reached(world, 'asking'));
    readBack(world, 0);
    answer(world, 'shared', 'operator', 'retry');
    return world.run(carry);
  },
};

/** The restored control plane learns from the agent that so many steps more had begun. */
function readBack(world: World, more: number): void {
  world.answer('shared', (r, now) => {
    const begunNow = Math.max(r.begun, r.cursor + more);
    const found = { cursor: r.cursor, begun: begunNow, restorePoints: [] };
    return accepted(takeUp(r, found, { epoch: 2, now, until: now + HOUR_MS }));
  });
}

export interface HypercareStep {
  readonly event: HypercareEvent;
  readonly state: Hypercare;
  readonly facts: HypercareFacts;
}

/** A watch of two stages that is alarmed once, and one that the next promotion supersedes. */
export const WATCHES: Readonly<Record<string, () => readonly HypercareStep[]>> = {
  'alarmed-then-sound': () =>
    watch([
      [HOUR_MS, false],
      [HOUR_MS + 60_000, true],
      [DAY_MS * 2, true],
    ]),
  superseded: () => watch([], HOUR_MS / 2),
};

/** A watch with its looks; `nextAfterMs`: when the next promotion ended well, if one did. */
function watch(
  looks: readonly (readonly [afterMs: number, seen: boolean])[],
  nextAfterMs?: number,
): readonly HypercareStep[] {
  const release = aRelease().digest;
  const stages = [
    { name: 'first hour', durationMs: HOUR_MS },
    { name: 'first day', durationMs: DAY_MS },
  ];
  const factsAt = (now: number, seen: boolean): HypercareFacts => ({
    now,
    observed: new Map(seen ? [['shared', { at: now - 1_000, releases: [release] }]] : []),
  });
  const watchOf = (id: string) => ({
    id,
    promotion: id,
    environment: 'production',
    release,
    cells: ['shared'],
    stages,
  });
  const steps: HypercareStep[] = [];
  let state: Hypercare | undefined;
  const take = (events: readonly HypercareEvent[], facts: HypercareFacts): void => {
    for (const event of events) {
      state = evolveHypercare(state, event);
      steps.push({ event, state, facts });
    }
  };
  take(succeedHypercare(state, watchOf('prm_1'), NOON), factsAt(NOON, true));
  for (const [afterMs, seen] of looks) {
    const facts = factsAt(NOON + afterMs, seen);
    take(nextOfHypercare(state as unknown as Hypercare, facts).events, facts);
  }
  if (nextAfterMs !== undefined) {
    const now = NOON + nextAfterMs;
    take(succeedHypercare(state, watchOf('prm_2'), now), factsAt(now, true));
  }
  return steps;
}
