import { expect, test } from 'vitest';
import { type Dependent, dependencyOrder, disorderWords } from './dependency-order.ts';

const of = (...all: [string, string[], boolean?][]): Dependent[] =>
  all.map(([name, dependsOn, early]) => ({ name, dependsOn, ...(early !== undefined && { early }) }));

test.each([
  ['by name, where nothing is said', of(['b', []], ['a', []]), ['a', 'b']],
  ['what is needed comes first', of(['a', ['z']], ['z', []]), ['z', 'a']],
  ['an early one before others', of(['a', []], ['z', [], true]), ['z', 'a']],
  ['an early one after what it needs itself', of(['a', []], ['m', []], ['z', ['m'], true]), ['a', 'm', 'z']],
  ['over several', of(['a', ['b', 'c']], ['b', ['c']], ['c', []], ['d', [], true]), ['d', 'c', 'b', 'a']],
])('%s', (_, all, order) => {
  expect(dependencyOrder(all)).toEqual({ ok: true, order });
});

test.each([
  ['a name of nobody', of(['a', ['x']]), ['a depends on x, and there is no store of that name']],
  ['itself', of(['a', ['a']]), ['they depend on each other in a circle: a → a']],
  [
    'a circle, told without those that only wait for it',
    of(['a', ['b']], ['b', ['c']], ['c', ['b']], ['d', []]),
    ['they depend on each other in a circle: b → c → b'],
  ],
])('%s can’t be ordered', (_, all, words) => {
  const ordered = dependencyOrder(all);
  expect(ordered.ok ? [] : disorderWords(ordered, 'store')).toEqual(words);
});

test('whatever depends on what, everybody comes after what they need, and nobody is left out', () => {
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed;
    const chance = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    const names = Array.from({ length: 1 + Math.floor(chance() * 12) }, (_, i) => `s${i}`).sort(() => chance() - 0.5);
    // Only on those before: no circle.
    const all = names.map((name, i) => ({
      ...{ name, early: chance() < 0.3 },
      dependsOn: names.slice(0, i).filter(() => chance() < 0.3),
    }));
    const ordered = dependencyOrder(all.toSorted(() => chance() - 0.5));
    if (!ordered.ok) throw new Error(`seed ${seed}`);
    expect([...ordered.order].sort()).toEqual([...names].sort());
    for (const { name, dependsOn } of all)
      for (const needed of dependsOn)
        expect(ordered.order.indexOf(needed), `seed ${seed}`).toBeLessThan(ordered.order.indexOf(name));
  }
});
