import { expect, test } from 'vitest';
import { staleAfter } from './stale.ts';

test.each([
  ['promotion/prm_1', ['promotion', 'prm_1'], true],
  ['promotion/prm_1', ['promotion', 'prm_1', 'explanation'], true],
  ['promotion/prm_2', ['promotion', 'prm_1'], false],
  ['rollout/prm_1.live', ['promotion', 'prm_1', 'steps', 'live', 1], true],
  ['rollout/prm_10.live', ['promotion', 'prm_1'], false],
  ['undone/prm_1', ['promotion', 'prm_1'], true],
  ['undone/prm_2', ['promotion', 'prm_1'], false],
  ['undone/prm_1', ['promotions', true], true],
  ['freeze/all', ['promotion', 'prm_1', 'explanation'], true],
  ['promotion/prm_2', ['promotions', true], true],
  ['cell/live', ['promotions', true], false],
  ['cell/live', ['cell', 'live'], true],
  ['rollout/prm_1.live', ['cell', 'live'], true],
  ['cell/stage', ['cell', 'live'], false],
  ['document/Application/shop', ['document', 'Application'], true],
  ['cell/live', ['status'], true],
  ['cell/live', ['incident', 6], true],
  ['freeze/all', ['freeze'], true],
  ['promotion/prm_1', ['freeze'], false],
  ['cell/live', ['whoami'], false],
  ['promotion/prm_1', ['plan', 'prm_1'], false],
])('%s on the log makes %j stale: %s', (stream, key, stale) => {
  expect(staleAfter(new Set([stream]), key)).toBe(stale);
});
