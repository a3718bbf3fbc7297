import { type ReconciliationContent, reconciliation } from '@headgate/documents/kinds/reconciliation';
import { coversCompensation, planCompensation, sumsAgree, sumsWithout, TRANSACTION_CLASSES } from '@headgate/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classify } from './classify.ts';
import { missingColumns } from './left-columns.ts';

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
      'the same invoice under two keys on both sides',
      {
        left: [invoice(1, { key: 'b' }), invoice(1, { key: 'a' })],
        right: [entry(1, { key: 'b' }), entry(1, { key: 'a' })],
        asked: [],
      },
      ['b doubled'],
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

describe('one key isn’t one fact', () => {
  const rules = [
    {
      name: 'difference',
      when: { side: 'both-differ' },
      do: { effect: 'post-difference', sql: 'select $1', params: ['$right.total'] },
    },
    { name: 'anyhow', when: { side: 'both-agree' }, do: { effect: 'acknowledge', sql: 'select $1', params: ['$key'] } },
  ];
  const compare = [{ name: 'total', left: 'total', right: 'total', as: 'number' }];

  test('in two currencies, though amounts and sums are equal: no rule mends it', () => {
    const left = [invoice(1, { currency: 'USD' }), invoice(2), invoice(3, { currency: 'USD', total: 1 })];
    const right = [entry(1), entry(2, { currency: 'USD' }), entry(3)];
    const { differences, sums } = classify(document({ rules, compare }), { left, right, asked: [] });
    expect(sums.filter(({ unit }) => unit === 'EUR')).toMatchObject([{ left: '10', right: '20' }]);
    expect(differences.map(({ key, class: kind, rule, why }) => [key, kind, rule, why])).toEqual([
      ['acme/1', 'in-doubt', undefined, 'it is in USD in the store, and in EUR in ledger'],
      ['acme/2', 'in-doubt', undefined, 'it is in EUR in the store, and in USD in ledger'],
      ['acme/3', 'in-doubt', undefined, 'it is in USD in the store, and in EUR in ledger'],
    ]);
    const same = classify(document({ rules: [], compare }), {
      left: [invoice(1, { currency: null })],
      right,
      asked: [],
    });
    expect(same.differences[0]?.why).toBe('it is in no currency in the store, and in EUR in ledger');
  });

  test('of two tenants: what one was asked for and another got is no agreement', () => {
    const right = [{ ...entry(1), tenant: 'globex' }];
    const { differences } = classify(document({ rules, compare }), { left: [invoice(1)], right, asked: [] });
    expect(differences).toMatchObject([
      { tenant: 'acme', class: 'in-doubt', rule: undefined, why: 'the store has it of acme, and ledger of globex' },
    ]);
  });
});

test('whoever looks again, and gets the rows in another order, is told the same of what is doubled', () => {
  const of = (keys: readonly string[]) =>
    classify(document(), { left: [], right: keys.map((key) => entry(1, { key })), asked: [] })
      .differences.map(({ key, why }) => `${key}: ${why}`)
      .sort();
  expect(of(['c', 'a', 'b'])).toEqual(of(['a', 'b', 'c']));
});

test('nobody is told to ask again for what the other system may have already, and no rule acts on it', () => {
  const rules = [
    { name: 'stray', when: { side: 'right-only' }, ask: 'Whose?' },
    { name: 'drop', when: { side: 'neither' }, do: { effect: 'cancel', sql: 'select $1', params: ['$key'] } },
  ];
  // The store went back in time: the order’s invoice is gone, and its entry isn’t.
  const asked = [wish(7), { ...wish(8), tenant: 'globex' }];
  const { differences } = classify(document({ rules }), { left: [], right: [entry(7)], asked });
  expect(differences.map(({ key, class: kind, effect }) => [key, kind, effect])).toEqual([
    ['acme/7', 'one-side-only', undefined],
    ['r7', 'in-doubt', undefined],
    ['r8', 'never-happened', 'cancel'],
  ]);
  expect(differences[1]!.why).toMatch(/the store doesn’t have it, and ledger has what the store lacks of acme/);
});

test('what a rule is given is part of what is approved, though nothing compares it', () => {
  const rules = [
    {
      name: 'refund',
      when: { side: 'right-only' },
      do: { effect: 'cancel', sql: 'select $1', params: ['$right.account'] },
    },
  ];
  const plan = (account: string) => {
    const right = [entry(1, { account })];
    const { differences } = classify(document({ rules }), { left: [], right, asked: [] });
    const digest = `sha256:${'0'.repeat(64)}` as const;
    const of = { reconciliation: 'invoices', document: digest, environment: 'production', cell: 'a', store: 'main' };
    return planCompensation({ ...of, among: ['acme'] }, differences);
  };
  expect(JSON.stringify(plan('DE02'))).not.toContain('DE02');
  expect(coversCompensation(plan('DE02'), plan('DE02')).covered).toHaveLength(1);
  expect(coversCompensation(plan('DE02'), plan('DE99'))).toMatchObject({ covered: [], changed: [{ key: 'acme/1' }] });
});

test('a column by which a document goes, and which the query doesn’t give, is missed', () => {
  const all = ['key', 'tenant', 'number', 'total', 'currency', 'state', 'request'];
  expect(missingColumns(document(), all)).toEqual([]);
  for (const each of all)
    expect(
      missingColumns(
        document(),
        all.filter((name) => name !== each),
      ),
    ).toEqual([each]);
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
