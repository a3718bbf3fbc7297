import { describe, expect, test } from 'vitest';
import { StandingFile } from '../away/standing.ts';
import { benchAgent } from '../testing/bench-agent.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { type EndFacts, whyNotEnd } from './may-end.ts';
import { underWayBy, underWayIn } from './under-way.ts';

test('a wave is under way from its first step until the last is answered for, as the agent wrote it down', async () => {
  const sealed = sealedPlan();
  const bench = await benchAgent(sealed);
  try {
    const under = async () => (await underWayIn(bench.dir, ['shared'])).get('shared');
    expect(await under()).toBeUndefined();
    const steps = sealed.plan.cells[0]!.steps;
    for (const [i, { id }] of steps.entries()) {
      const assignment = sealed.forward(id, { fence: { epoch: 1, n: i + 1 }, begun: i });
      await bench.parts.marks.take('shared', assignment.fence, { plan: assignment.plan, begun: i + 1 });
      await bench.parts.blobs.get(assignment.plan, AbortSignal.timeout(5_000));
      const standing = await StandingFile.open(bench.dir);
      await standing.begins(assignment);
      expect(await under()).toMatch(new RegExp(`a wave of promotion prm_1, last ${id} \\(${i + 1} of ${steps.length}`));
      await standing.answered(assignment);
    }
    expect(await under()).toBeUndefined();
    const back = sealed.undo('undo.route', { fence: { epoch: 1, n: 99 }, begun: steps.length });
    const standing = await StandingFile.open(bench.dir);
    await standing.begins(back);
    expect(await under()).toMatch(/the way back of promotion prm_1, step undo\.route, wasn't answered for/);
    await standing.answered(back);
    expect(await under()).toBeUndefined();
  } finally {
    await bench.remove();
  }
});

test('of a running agent it is what that says', () => {
  const base = { cell: 'shared', environment: 'production', open: true };
  const work = { promotion: 'prm_1', step: 'w1.soak', begun: 3, steps: 9, inProgress: true };
  const undoing = { by: 'agent', because: '', at: '', why: undefined, told: undefined, stepsDone: 0 };
  const said = (more: object) => underWayBy({ ...base, ...more } as never);
  expect(said({})).toBeUndefined();
  expect(said({ work: { ...work, inProgress: false } })).toBeUndefined();
  expect(said({ work })).toMatch(/prm_1, last w1\.soak \(3 of 9/);
  expect(said({ unreadable: 'its bytes are gone' })).toMatch(/can't be read: its bytes are gone/);
  for (const phase of ['going', 'stopped']) expect(said({ undoing: { ...undoing, phase } })).toMatch(/goes back/);
  expect(said({ undoing: { ...undoing, phase: 'stopped', told: 'taken-up' } })).toBeUndefined();
});

type Seen = Partial<EndFacts['seen'] & Pick<EndFacts, 'underWay' | 'inTheWay'>>;

test.each<[string, Seen, readonly string[], RegExp | undefined]>([
  ['where nobody is served', {}, [], undefined],
  [
    'where nobody is served, and one is named whom nobody declared',
    {},
    ['adda'],
    /no tenant of that name: adda\. Declared are ada and bob/,
  ],
  [
    'where another holds it',
    { inTheWay: ['/c is held by another process'] },
    [],
    /^cell a: \/c is held by another process$/,
  ],
  ['where nobody is served any more, who was named before', {}, ['ada'], undefined],
  ['where all are named', { served: ['ada', 'bob'] }, ['bob', 'ada'], undefined],
  ['where one is not named', { served: ['ada', 'bob'] }, ['ada'], /bob is served there\. .*--tenants ada,bob$/],
  ['where another is named', { served: ['ada'] }, ['ada', 'eve'], /nobody of that name is served there: eve/],
  ['where a wave is under way', { underWay: 'a wave', served: ['ada'] }, ['ada'], /a step is under way: a wave\./],
  ['where a slot is half way', { halfWay: ['slot green is being started (2)'] }, [], /slot green is being started/],
  [
    'of 10,000 tenants, unnamed',
    { served: Array.from({ length: 10_000 }, (_, i) => `t${i}`) },
    [],
    /10000 in all are .*all of them/,
  ],
])('cells end %s, or say why not', (_what, { underWay, inTheWay = [], ...seen }, tenants, why) => {
  const all = { parts: [], served: [], halfWay: [], ...seen };
  const facts: EndFacts = { cell: 'a', seen: all, underWay, inTheWay, tenants: ['ada', 'bob'] };
  const said = whyNotEnd([facts], tenants);
  if (why === undefined) expect(said).toEqual([]);
  else expect(said).toEqual([expect.stringMatching(why)]);
});

describe('one name that is served in two cells, as in staging and in production', () => {
  const seen = { parts: [], served: ['ada'], halfWay: [] };
  const cells = ['live', 'stage'].map(
    (cell): EndFacts => ({ cell, seen, underWay: undefined, inTheWay: [], tenants: ['ada'] }),
  );

  test('isn’t enough to cut off both: each is named with its cell', () => {
    const [said, ...others] = whyNotEnd(cells, ['ada']);
    expect(others).toEqual([]);
    expect(said).toMatch(
      /^cell live, cell stage: live\/ada and stage\/ada are served there\. .*: --tenants live\/ada,stage\/ada, or which cell is to be ended alone: --cell CELL$/,
    );
    expect(whyNotEnd(cells, ['stage/ada'])).toEqual([expect.stringMatching(/^cell live: live\/ada is served there/)]);
    expect(whyNotEnd(cells, ['stage/ada', 'live/ada'])).toEqual([]);
  });

  test('is enough where only one of them is to be ended, or serves', () => {
    expect(whyNotEnd(cells.slice(0, 1), ['ada'])).toEqual([]);
    const [live, stage] = cells as [EndFacts, EndFacts];
    const ended = { ...stage, seen: { ...seen, served: [] } };
    expect(whyNotEnd([live, ended], ['ada'])).toEqual([]);
    expect(whyNotEnd([live, ended], ['live/ada', 'stage/ada'])).toEqual([]);
    expect(whyNotEnd(cells, ['stage/ada', 'live/ada', 'live/eve'])).toEqual([
      expect.stringMatching(/nobody of that name is served there: live\/eve/),
    ]);
  });
});
