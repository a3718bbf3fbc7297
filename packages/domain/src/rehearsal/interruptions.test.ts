import { expect, test } from 'vitest';
import { type InterruptibleFile, planInterruptions } from './interruptions.ts';

const sql = (statements: number, ...locked: string[]): InterruptibleFile => ({
  how: 'transaction',
  statements,
  locked,
});
const alone: InterruptibleFile = { how: 'alone', statements: 0, locked: ['public.t'] };
const program = (...locked: string[]): InterruptibleFile => ({ how: 'program', statements: 0, locked });
const all = { seed: 1, most: 1_000 };

test('each file is interrupted before, within and after, in the order in which that comes', () => {
  const plan = planInterruptions([sql(5, 'public.t'), alone, program('public.a', 'public.b')], all);
  const of = (file: number) => plan.filter((each) => each.file === file).map(({ moment }) => moment);
  expect(of(0)).toEqual(['before', 'lock', 'within', 'within', 'after']);
  expect(of(1)).toEqual(['before', 'within', 'unrecorded', 'after']);
  expect(of(2)).toEqual(['before', 'lock', 'within', 'within', 'unrecorded', 'after']);
  expect(plan.map(({ file }) => file)).toEqual([...plan].map(({ file }) => file).sort());
});

test('within a transaction is after one of its statements, early once and at its end once where there are more than two', () => {
  for (let seed = 0; seed < 50; seed++)
    for (const statements of [1, 2, 3, 7]) {
      const at = planInterruptions([sql(statements)], { seed, most: 9 }).flatMap(({ statement }) => statement ?? []);
      expect(at.length).toBe(statements > 2 ? 2 : 1);
      expect(Math.min(...at)).toBeGreaterThan(0);
      expect(Math.max(...at)).toBeLessThanOrEqual(statements);
      if (statements > 2) expect(at).toEqual([expect.any(Number), statements]);
    }
});

test('a program is held at what it locks, at three relations at most; without any it is ended at a share of its time', () => {
  const held = planInterruptions([program('a', 'b', 'c', 'd', 'e')], all).filter(({ moment }) => moment === 'within');
  expect(held.length).toBe(3);
  expect(new Set(held.map(({ relation }) => relation)).size).toBe(3);
  const [within] = planInterruptions([program()], all).filter(({ moment }) => moment === 'within');
  expect(within?.share).toBeGreaterThanOrEqual(0.2);
  expect(within?.share).toBeLessThanOrEqual(0.8);
});

test('a program whose commits are seen is ended after six of them at most, the earlier ones first', () => {
  const of = (commits: number) =>
    planInterruptions([{ ...program('a'), commits }], all).flatMap(({ commit }) => commit ?? []);
  expect(of(0)).toEqual([]);
  expect(of(4)).toEqual([1, 2, 3, 4]);
  expect(of(40)).toHaveLength(6);
  expect(of(40)).toEqual(of(40).toSorted((a, b) => a - b));
  const moments = planInterruptions([{ ...program(), commits: 1 }], all).map(({ moment }) => moment);
  expect(moments).toEqual(['before', 'within', 'unrecorded', 'after']);
});

test('the same seed picks the same moments, another one others, and never more than may be', () => {
  const files = Array.from({ length: 20 }, () => sql(9, 'public.t', 'public.u'));
  const plan = (seed: number) => planInterruptions(files, { seed, most: 12 });
  expect(plan(5)).toEqual(plan(5));
  expect(plan(5)).not.toEqual(plan(6));
  expect(plan(5).length).toBe(12);
  expect(planInterruptions(files, all).length).toBe(100);
});
