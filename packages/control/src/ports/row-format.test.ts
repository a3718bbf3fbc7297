import { expect, test } from 'vitest';
import { formatOf } from './row-format.ts';

test('a promotion that overtakes, or was overtaken, is for servers that know of it; all else is as before', () => {
  expect(formatOf('promotion/prm_2', { overtakes: 'prm_1' })).toBe(2);
  expect(formatOf('promotion/prm_1', { overtakenBy: 'prm_2' })).toBe(2);
  expect(formatOf('promotion/prm_3', { phase: 'awaiting' })).toBe(1);
  expect(formatOf('rollout/prm_1.shop', { overtakes: 'prm_1' })).toBe(1);
});

test('an agent that was widened is for servers whose audit knows of it; one that was enrolled, and people, are as before', () => {
  expect(formatOf('principal/agt_shop', { environments: ['a', 'b'], widened: true })).toBe(2);
  expect(formatOf('principal/agt_shop', { environments: ['a'] })).toBe(1);
  expect(formatOf('cell/agt_shop', { widened: true })).toBe(1);
});

test('a promotion with a gate at its point of no return is for servers that know of one from its request on; another isn’t', () => {
  const asked = { cell: 'live', step: 'migrate.main', at: 1 };
  expect(formatOf('promotion/prm_1', { phase: 'awaiting', gatedAtNoReturn: true })).toBe(4);
  expect(formatOf('promotion/prm_1', { phase: 'advancing', goAsked: asked })).toBe(4);
  expect(formatOf('promotion/prm_1', { phase: 'advancing', overtakes: 'prm_0', gatedAtNoReturn: true })).toBe(4);
  expect(formatOf('promotion/prm_1', { phase: 'advancing', overtakes: 'prm_0' })).toBe(2);
  expect(formatOf('rollout/prm_1.live', { gatedAtNoReturn: true })).toBe(1);
});

test('a rollout of which undo steps may have had their effect is for servers that count them; all else is as before', () => {
  expect(formatOf('rollout/prm_1.live', { phase: 'asking', tried: ['undo.w1.migrate.main'] })).toBe(4);
  expect(formatOf('rollout/prm_1.live', { phase: 'asking' })).toBe(1);
  expect(formatOf('promotion/prm_1', { tried: [] })).toBe(1);
});

test('a promotion that closes operations, and its rollouts, are for servers that open them again; all else is as before', () => {
  for (const stream of ['promotion/prm_1', 'rollout/prm_1.live'] as const) {
    expect(formatOf(stream, { phase: 'waiting', closesOperations: true })).toBe(5);
    expect(formatOf(stream, { phase: 'waiting' })).toBe(1);
  }
  expect(formatOf('promotion/prm_1', { gatedAtNoReturn: true, closesOperations: true })).toBe(5);
  expect(formatOf('cell/live', { closesOperations: true })).toBe(1);
});
