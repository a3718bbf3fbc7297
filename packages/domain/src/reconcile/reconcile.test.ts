import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompensationPlace, type CompensationPlan, planCompensation } from './compensation.ts';
import { classLines, compensationLines, sumLines } from './compensation-words.ts';
import { compareDecimals, decimalText, minus, moneyText, parseDecimal, plus, sumOf } from './decimal.ts';
import type { CaughtTransaction } from './difference.ts';
import { SumKeeper, sumsAgree, sumsWithout } from './side-sums.ts';
import { type ClassFacts, classesText, classOf, countClasses } from './transaction-class.ts';

const cents = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
const asText = (value: bigint, scale: number): string => decimalText({ units: value, scale });

describe('a class', () => {
  const none: Omit<ClassFacts, 'side'> = { twice: false, underway: false, rule: undefined };
  test.each<[ClassFacts['side'], Partial<ClassFacts>, string]>([
    ['neither', {}, 'never-happened'],
    ['left-only', {}, 'one-side-only'],
    ['right-only', {}, 'one-side-only'],
    ['left-only', { rule: { effect: 'replay' } }, 'half-done'],
    ['right-only', { rule: { effect: 'replay' } }, 'half-done'],
    ['left-only', { rule: { effect: 'cancel' } }, 'one-side-only'],
    ['left-only', { rule: {} }, 'one-side-only'],
    ['both-agree', { rule: { effect: 'acknowledge' } }, 'half-done'],
    ['both-differ', {}, 'in-doubt'],
    ['both-differ', { rule: { effect: 'post-difference' } }, 'in-doubt'],
    ['left-only', { underway: true, rule: { effect: 'replay' } }, 'in-doubt'],
    ['left-only', { rule: { effect: 'replay', class: 'never-happened' } }, 'never-happened'],
    ['left-only', { underway: true, rule: { class: 'half-done' } }, 'in-doubt'],
    ['both-agree', { twice: true, rule: { class: 'half-done' } }, 'doubled'],
  ])('of %s with %j is %s', (side, more, expected) => {
    expect(classOf({ ...none, side, ...more })).toBe(expected);
  });

  test('is counted, and said in words', () => {
    const counts = countClasses(['doubled', 'half-done', 'half-done']);
    expect(counts).toEqual({ 'half-done': 2, doubled: 1 });
    expect(classesText(counts)).toBe('2 half done, 1 doubled');
    expect(classesText({})).toBe('');
  });
});

describe('amounts', () => {
  test('are added exactly, whatever their digits', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(cents, fc.nat(9)), { maxLength: 30 }), (parts) => {
        const sum = sumOf(parts.map(([value, scale]) => asText(value, scale)))!;
        const inNano = parts.reduce((all, [value, scale]) => all + value * 10n ** BigInt(9 - scale), 0n);
        expect(compareDecimals(sum, { units: inNano, scale: 9 })).toBe(0);
        expect(parseDecimal(decimalText(sum))).toEqual(parseDecimal(asText(inNano, 9)));
      }),
    );
    const tenth = parseDecimal('0.1')!;
    expect(decimalText(plus(tenth, parseDecimal('0.2')!))).toBe('0.3');
    expect(decimalText(minus(tenth, tenth))).toBe('0');
    for (const none of ['abc', '1e21', 1e21, '', null, undefined, '9'.repeat(101), '--1'])
      expect(parseDecimal(none)).toBeUndefined();
  });

  test.each([
    ['123450', 2, 'EUR', 'EUR 1,234.50'],
    ['-5', 2, 'EUR', 'EUR -0.05'],
    ['1234567.5', 0, undefined, '1,234,567.5'],
    ['0', 2, undefined, '0.00'],
    ['999', 0, undefined, '999'],
  ])('%s with %i digits of %s read %s', (text, digits, unit, words) => {
    expect(moneyText(text, digits, unit)).toBe(words);
  });

  test('of both sides are told apart by unit, and what came later is taken off again', () => {
    const keeper = new SumKeeper('total');
    for (const value of [10n, '20.05', 3]) keeper.add('left', 'EUR', value);
    for (const value of ['30.05', '3', '100']) keeper.add('right', 'EUR', value);
    keeper.add('left', 'USD', '7');
    const later = [
      { field: 'total', unit: 'EUR', left: null, right: '100' },
      { field: 'total', unit: 'USD', left: '7', right: null },
    ];
    expect(keeper.sums()[0]).toEqual({ field: 'total', unit: 'EUR', left: '33.05', right: '133.05' });
    expect(sumsAgree(keeper.sums())).toBe(false);
    expect(sumsAgree(sumsWithout(keeper.sums(), later))).toBe(true);
    expect(sumsAgree(sumsWithout(keeper.sums(), later.slice(0, 1)))).toBe(false);
  });
});

const caught = (key: string, more: Partial<CaughtTransaction> = {}): CaughtTransaction => ({
  key,
  tenant: key.split('/')[0]!,
  class: 'half-done',
  rule: 'created-not-posted',
  effect: 'replay',
  why: 'created-not-posted',
  amounts: [{ field: 'total', unit: 'EUR', left: '11900', right: null }],
  ...more,
});
const money = { field: 'total', minorDigits: 2, highFrom: 1_000_000 };
const PLACE: CompensationPlace = {
  ...{ reconciliation: 'invoices', document: `sha256:${'d'.repeat(64)}` },
  ...{ environment: 'production', cell: 'shared', store: 'main', among: ['acme', 'globex'] },
};
const planOf = (list: readonly CaughtTransaction[], terms = money): CompensationPlan =>
  planCompensation(PLACE, list, terms);

describe('a compensation plan', () => {
  const mixed = [
    caught('acme/9', { effect: undefined, rule: undefined, class: 'doubled', why: 'ledger has it 2 times' }),
    caught('globex/1'),
    caught('acme/2', { effect: 'cancel', class: 'one-side-only' }),
    caught('acme/1'),
    caught('acme/3', { effect: 'acknowledge', amounts: [{ field: 'total', unit: 'EUR', left: '5', right: '5' }] }),
  ];

  test('is in order: what changes no more than a mark first, what a person must decide last', () => {
    expect(planOf(mixed).lines.map(({ effect, key }) => `${effect} ${key}`)).toEqual([
      'acknowledge acme/3',
      'replay acme/1',
      'replay globex/1',
      'cancel acme/2',
      'ask acme/9',
    ]);
  });

  test('is the same in whatever order transactions were found', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(mixed, { minLength: mixed.length }), (shuffled) => {
        expect(planOf(shuffled)).toEqual(planOf(mixed));
      }),
    );
  });

  test('says how much money it is about, exactly', () => {
    expect(planOf(mixed)).toMatchObject({ atStake: [{ unit: 'EUR', amount: '47600' }], tenants: 2 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cents, cents), { maxLength: 20 }), (pairs) => {
        const list = pairs.map(([left, right], i) =>
          caught(`acme/${i}`, { amounts: [{ field: 'total', left: String(left), right: String(right) }] }),
        );
        const between = pairs.reduce((all, [l, r]) => all + (l > r ? l - r : r - l), 0n);
        expect(planOf(list).atStake).toEqual(between === 0n ? [] : [{ amount: String(between) }]);
      }),
    );
  });

  test.each<[string, readonly CaughtTransaction[], string, RegExp]>([
    ['nothing', [], 'low', /nothing to do/],
    ['only marks', [mixed[4]!], 'low', /rules decide everything/],
    ['some money', [caught('acme/1')], 'medium', /EUR 119\.00 stands between/],
    [
      'much money',
      [caught('acme/1', { amounts: [{ field: 'total', unit: 'EUR', left: '1000000', right: '0' }] })],
      'high',
      /EUR 10,000\.00/,
    ],
    ['a question', [mixed[0]!], 'high', /no rule decides 1 transaction: a person must/],
    ['something cancelled', [caught('acme/2', { effect: 'cancel', amounts: [] })], 'medium', /1 would be cancelled/],
    [
      'a difference posted',
      [caught('acme/2', { effect: 'post-difference', amounts: [] })],
      'medium',
      /difference would be posted/,
    ],
    [
      'many tenants',
      Array.from({ length: 11 }, (_, i) => caught(`t${i}/1`, { effect: 'acknowledge', amounts: [] })),
      'medium',
      /11 tenants/,
    ],
  ])('about %s has its risk, with reasons', (_what, list, level, because) => {
    const { risk } = planOf(list);
    expect(risk.level).toBe(level);
    expect(risk.because.join('; ')).toMatch(because);
  });

  test('reads as the books do', () => {
    const text = [...classLines(planOf(mixed)), ...compensationLines(planOf(mixed), money)].join('\n');
    expect(text).toMatch(/half done +3 +begun, and not brought to its end/);
    expect(text).toContain(
      '1. Acknowledge: the other side has it already, and the store is told so: 1 transaction of acme.',
    );
    expect(text).toContain('acme/9  doubled, EUR 119.00 in the store alone: ledger has it 2 times');
    expect(text).toContain('Between the two sides: EUR 476.00, of 2 tenants.');
    expect(text).toContain('Risk: high: no rule decides 1 transaction: a person must;');
    const long = Array.from({ length: 1_000 }, (_, i) => caught(`acme/${i}`));
    expect(compensationLines(planOf(long), money).length).toBeLessThan(40);
  });

  test('has sums in columns', () => {
    const lines = sumLines([{ field: 'total', unit: 'EUR', left: '8120000', right: '8108100' }], 'ledger', money);
    expect(lines).toEqual([
      '                 store      ledger   between',
      '  total EUR  81,200.00   81,081.00    119.00',
      'The sums are NOT equal.',
    ]);
    expect(sumLines([], 'ledger').join()).toContain('no numbers');
  });
});
