import { type ReconciliationContent, reconciliation } from '@headgate/documents/kinds/reconciliation';
import { sumsAgree, sumsWithout, TRANSACTION_CLASSES } from '@headgate/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classify } from './classify.ts';

const document = (more: Record<string, unknown> = {}): ReconciliationContent['spec'] =>
  (
    reconciliation.document.parse({
      apiVersion: 'headgate/v1',
      kind: 'Reconciliation',
      metadata: { name: 'invoices', owner: 'team' },
      spec: {
        left: { sql: 'select 1' },
        right: { connection: 'ledger', path: '/entries', items: '' },
        asked: { connection: 'shop', path: '/wishes', items: '', key: 'id', left: 'request' },
        key: { left: 'key', right: 'key' },
        tenant: { left: 'tenant' },
        identity: { left: 'number', right: 'invoice' },
        underway: { state: 'posting' },
        money: { field: 'total', currency: { left: 'currency', right: 'currency' } },
        compare: [
          { name: 'currency', left: 'currency', right: 'currency' },
          { name: 'total', left: 'total', right: 'total', as: 'number' },
        ],
        rules: [
          {
            name: 'not-posted',
            when: { side: 'left-only', left: { state: 'created' } },
            do: { effect: 'replay', sql: 'select $1', params: ['$key'] },
          },
          {
            name: 'not-acknowledged',
            when: { side: 'both-agree', left: { state: 'created' } },
            do: { effect: 'acknowledge', sql: 'select $1', params: ['$key'] },
          },
        ],
        ...more,
      },
    }) as ReconciliationContent
  ).spec;

const invoice = (number: number, more: Record<string, unknown> = {}) => ({
  tenant: 'acme',
  row: {
    key: `acme/${number}`,
    number: String(number),
    total: 10n,
    currency: 'EUR',
    state: 'done',
    request: `r${number}`,
    ...more,
  },
});
const entry = (number: number, more: Record<string, unknown> = {}) => ({
  tenant: 'acme',
  row: { key: `acme/${number}`, invoice: number, total: '10.00', currency: 'EUR', ...more },
});
const wish = (number: number) => ({ tenant: 'acme', row: { id: `r${number}` } });

describe('each difference is classified', () => {
  test.each<[string, Parameters<typeof classify>[1], readonly string[]]>([
    ['settled business', { left: [invoice(1)], right: [entry(1)], asked: [wish(1)] }, []],
    ['never happened', { left: [], right: [], asked: [wish(1)] }, ['r1 never-happened']],
    [
      'asked for twice under one key, and by another tenant under the same',
      { left: [], right: [], asked: [wish(1), wish(1), { ...wish(1), tenant: 'globex' }] },
      ['r1 never-happened', 'r1 never-happened'],
    ],
    ['not posted', { left: [invoice(1, { state: 'created' })], right: [], asked: [] }, ['acme/1 half-done not-posted']],
    [
      'not acknowledged',
      { left: [invoice(1, { state: 'created' })], right: [entry(1)], asked: [] },
      ['acme/1 half-done not-acknowledged'],
    ],
    ['on the left alone', { left: [invoice(1)], right: [], asked: [] }, ['acme/1 one-side-only']],
    ['on the right alone', { left: [], right: [entry(1)], asked: [] }, ['acme/1 one-side-only']],
    ['another amount', { left: [invoice(1)], right: [entry(1, { total: '10.01' })], asked: [] }, ['acme/1 in-doubt']],
    ['under way', { left: [invoice(1, { state: 'posting' })], right: [], asked: [] }, ['acme/1 in-doubt']],
    [
      'posted, and still under way',
      { left: [invoice(1, { state: 'posting' })], right: [entry(1)], asked: [] },
      ['acme/1 in-doubt'],
    ],
    ['the same key twice', { left: [invoice(1)], right: [entry(1), entry(1)], asked: [] }, ['acme/1 doubled']],
    [
      'the same invoice under another key',
      { left: [invoice(1)], right: [entry(1), entry(1, { key: 'again' })], asked: [] },
      ['again doubled'],
    ],
    [
      'the same invoice under two keys of nobody',
      { left: [], right: [entry(1, { key: 'a' }), entry(1, { key: 'b' })], asked: [] },
      ['a doubled', 'b doubled'],
    ],
    [
      'the same number of two tenants, which is two invoices',
      {
        left: [invoice(1), { ...invoice(1, { key: 'globex/1' }), tenant: 'globex' }],
        right: [entry(1), { ...entry(1, { key: 'globex/1' }), tenant: 'globex' }],
        asked: [],
      },
      [],
    ],
  ])('%s', (_what, sources, expected) => {
    const said = classify(document(), sources).differences.map((d) => `${d.key} ${d.class} ${d.rule ?? ''}`.trim());
    expect(said).toEqual(expected);
  });

  test('by the class that its rule names', () => {
    const rules = [{ name: 'lost', class: 'never-happened', when: { side: 'left-only' }, ask: 'What?' }];
    const { differences } = classify(document({ rules }), { left: [invoice(1)], right: [], asked: [] });
    expect(differences).toMatchObject([{ class: 'never-happened', rule: 'lost', effect: undefined, why: 'What?' }]);
  });

  test('and what is under way is touched by no rule, but asked about where a rule asks', () => {
    const rules = [
      {
        name: 'posting',
        when: { side: 'left-only', left: { state: 'posting' } },
        do: { effect: 'replay', sql: 'select 1', params: [] },
      },
      { name: 'apart', when: { side: 'both-differ' }, ask: 'Which one?' },
    ];
    const left = [invoice(1, { state: 'posting' }), invoice(2, { state: 'posting' })];
    const { differences } = classify(document({ rules }), { left, right: [entry(2, { total: 11 })], asked: [] });
    expect(differences).toMatchObject([
      { class: 'in-doubt', effect: undefined, why: 'the system is still at work on it' },
      { class: 'in-doubt', effect: undefined, why: 'Which one?' },
    ]);
  });

  test('and a rule for what neither side has may look at what was asked for', () => {
    const rules = [
      {
        name: 'free',
        when: { side: 'neither', asked: { id: 'r2' } },
        do: { effect: 'cancel', sql: 'select $1, $2', params: ['$key', '$asked.id'] },
      },
    ];
    const { differences } = classify(document({ rules }), {
      left: [invoice(1)],
      right: [entry(1)],
      asked: [wish(1), wish(2), wish(3)],
    });
    expect(differences.map(({ key, effect, why }) => [key, effect, why.slice(0, 20)])).toEqual([
      ['r2', 'cancel', 'free'],
      ['r3', undefined, 'it was asked for and'],
    ]);
  });
});

test('both sides are added up by unit, whatever was compared', () => {
  const { sums, differences } = classify(document(), {
    left: [invoice(1), invoice(2, { currency: 'USD', total: '0.1' }), invoice(3, { total: '0.20' })],
    right: [entry(1), entry(1, { key: 'again' }), entry(2, { currency: 'USD', total: 0.1 })],
    asked: [],
  });
  expect(sums).toEqual([
    { field: 'total', unit: 'EUR', left: '10.2', right: '20' },
    { field: 'total', unit: 'USD', left: '0.1', right: '0.1' },
  ]);
  expect(differences.map(({ amounts }) => amounts)).toEqual([
    [{ field: 'total', unit: 'EUR', left: '0.2', right: null }],
    [{ field: 'total', unit: 'EUR', left: null, right: '10' }],
  ]);
});

test('every difference has one of the five classes, and what is none adds up the same on both sides', () => {
  const facts = fc.array(
    fc.record({
      number: fc.nat(6),
      ours: fc.nat(2),
      theirs: fc.nat(2),
      state: fc.constantFrom('created', 'posting', 'done'),
      total: fc.constantFrom(10, 11),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(facts, (all) => {
      const left = all.flatMap(({ number, ours, state }) =>
        Array.from({ length: ours }, () => invoice(number, { state })),
      );
      const right = all.flatMap(({ number, theirs, total }) =>
        Array.from({ length: theirs }, () => entry(number, { total })),
      );
      const { differences, sums, compared } = classify(document(), { left, right, asked: [] });
      for (const each of differences) expect(TRANSACTION_CLASSES).toContain(each.class);
      expect(new Set(differences.map(({ key }) => key)).size).toBe(differences.length);
      expect(differences.length).toBeLessThanOrEqual(compared);
      // What is no difference is on both sides alike, so that taking off what is one leaves equal sums.
      expect(
        sumsAgree(
          sumsWithout(
            sums,
            differences.flatMap(({ amounts }) => amounts),
          ),
        ),
      ).toBe(true);
    }),
  );
});
