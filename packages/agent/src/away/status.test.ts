import { expect, test } from 'vitest';
import { type CellStatus, statusText } from './status.ts';

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

test('reconciliations that the server has not taken are counted, and none are not spoken of', () => {
  const agent = { agent: 'agt_one', at: new Date(0).toISOString(), running: true, cells: [] };
  const server = { url: 'http://127.0.0.1:1', awaySince: null };
  expect(statusText({ ...agent, server, untold: 2 })).toContain(
    '2 reconciliations were carried out here that the server has not taken',
  );
  expect(statusText({ ...agent, server, untold: 0 })).not.toContain('reconciliation');
});
