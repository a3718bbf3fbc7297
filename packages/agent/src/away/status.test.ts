import { expect, test } from 'vitest';
import { standsStillLines } from '../commands/rollback.ts';
import { type CellStatus, exitOf, statusText } from './status.ts';

const work = {
  promotion: 'prm_1',
  rollout: 'prm_1.live',
  plan: 'sha256:0',
  release: '2.0.0',
  step: 'undo.w1.deploy',
  begun: 3,
  steps: 9,
  inProgress: false,
  moved: [],
  held: [],
  wayBack: [],
  missing: [],
  approvals: [],
};
const text = (cell: Partial<CellStatus>) =>
  statusText({
    agent: 'agt_one',
    at: new Date(0).toISOString(),
    running: true,
    server: { url: 'http://127.0.0.1:1', awaySince: null },
    cells: [{ cell: 'live', environment: 'production', open: true, ...cell }],
  });

test('a cell that went back, for an overtaken promotion too, is told by what serves there, and not by what has gone', () => {
  const lines = text({ serves: { '1.0.0': ['ada', 'bob'] }, work: { ...work, back: 'the server' } }).split('\n');
  expect(lines[3]).toBe('cell live (production)');
  expect(lines[4]).toBe('  serves 1.0.0 to ada and bob');
  expect(lines[5]).toBe('  gone back from 2.0.0, promotion prm_1: 3 of 9 steps begun, last undo.w1.deploy');
});

test('what is on its way is told beside what serves; a cell that wasn’t seen yet tells nothing of it', () => {
  const moving = text({ serves: { '1.0.0': ['ada'], '2.0.0': ['bob'] }, work: { ...work, moved: ['bob'] } });
  expect(moving).toMatch(/serves 1\.0\.0 to ada\n {2}serves 2\.0\.0 to bob\n {2}2\.0\.0, promotion prm_1: 3 of 9/);
  expect(text({})).not.toContain('serves');
});

test('an undo that stands still says which way on there is, by what the server made of it', () => {
  const undoing = { phase: 'stopped', by: 'usr_op', because: 'it hurts', at: '', stepsDone: 1 } as const;
  const why = 'approver must agree to undo.w1.migrate.main';
  const said = (told: string | undefined) =>
    text({
      work: { ...work, wayBack: ['', '  it stops before undo.w1.migrate.main'] },
      undoing: { ...undoing, why, told },
    });
  expect(said(undefined)).toContain('the server has not heard\n  undo: ready\n  it stops before');
  const late = said('late');
  expect(late).toContain('the server has heard: its promotion had ended by then\n');
  expect(late).toContain('headgate promote RELEASE --to production takes the same release there again');
  expect(late).not.toMatch(/undo: ready|it stops before/);
});

test('and so does the command that went back as far as it may', () => {
  expect(standsStillLines([])).toEqual([]);
  expect(standsStillLines([{ cell: 'live', why: 'approver must agree' }])).toEqual([
    'cell live stands still: approver must agree',
    expect.stringMatching(/open there.*asks its approver/),
    expect.stringMatching(/ended there.*headgate promote RELEASE --to ENVIRONMENT/),
  ]);
});

test('reconciliations and restorations that the server has not taken are counted, and none are not spoken of', () => {
  const agent = { agent: 'agt_one', at: new Date(0).toISOString(), running: true, cells: [] };
  const server = { url: 'http://127.0.0.1:1', awaySince: null };
  expect(statusText({ ...agent, server, untold: 2 })).toContain(
    '2 reconciliations were carried out here that the server has not taken',
  );
  expect(statusText({ ...agent, server, untold: 0 })).not.toContain('reconciliation');
  expect(statusText({ ...agent, server, untoldRestorations: 1 })).toContain('something was brought back here that');
  expect(statusText({ ...agent, server, untoldRestorations: 0 })).not.toContain('brought back');
  // That they wait for the server alone is nothing that a person has to mend; that it refuses them is.
  expect(exitOf({ ...agent, server, untoldRestorations: 1 })).toBe(0);
  const refused = { ...agent, server, untoldRestorations: 1, refusedRestoration: 'refused: the key is not known' };
  expect(exitOf(refused)).toBe(1);
  expect(exitOf({ ...refused, server: { ...server, awaySince: agent.at } })).toBe(3);
  expect(statusText(refused)).toContain('since it REFUSES that (refused: the key is not known)');
});
