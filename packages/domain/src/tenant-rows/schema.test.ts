/** What is judged of tenants' schemas without a database: how they are named, whose one is, and which sequences are raised. */
import { describe, expect, test } from 'vitest';
import { misfitOfRules } from './by-rules.ts';
import { proposeSchemas } from './propose-schemas.ts';
import { ownSchema } from './schema.ts';
import { sequencesToRaise } from './sequences.ts';

describe('How schemas are named', () => {
  test.each([
    [['public', 't_ada', 't_bob'], ['ada', 'bob'], { named: 't_{tenant}', values: {}, without: [] }],
    [['public', 'ada', 'bob'], ['ada', 'bob', 'cy'], { named: '{tenant}', values: {}, without: ['cy'] }],
    [
      ['shop_int_1', 'shop_ada', 'old_ada'],
      ['int-1', 'ada'],
      { named: 'shop_{tenant}', values: { 'int-1': 'int_1' }, without: [] },
    ],
    [['public'], ['ada'], undefined],
  ])('is proposed by what most tenants have: %j', (schemas, tenants, proposed) => {
    expect(proposeSchemas(schemas, tenants)).toEqual(proposed);
  });

  test('makes one tenant’s, and none that is another’s, everybody’s, or can’t be', () => {
    const asked = (named: string, value: string) =>
      ownSchema('it', { named }, { tenant: 'ada', value, others: ['bob', '17'] });
    expect(asked('t_{tenant}', 'ada')).toMatchObject({ ok: true, own: { name: 't_ada', others: ['t_17', 't_bob'] } });
    for (const [named, value] of [
      ['t_{tenant}', '17'],
      ['t_', 'ada'],
      ['{tenant}', 'public'],
      ['headgate{tenant}', '_copy'],
      ['pg_{tenant}', 'ada'],
      ['{tenant}', 'a.b'],
      ['{tenant}', 'ü'.repeat(32)],
    ] as const)
      expect(asked(named, value), `${named} ${value}`).toMatchObject({ ok: false });
  });

  test('is held against the rules, with what they leave', () => {
    const digest = `sha256:${'0'.repeat(64)}` as const;
    const table = { table: 't_ada.customer', belongs: { rows: 'schema' } } as never;
    const made = { rules: { name: 'psa', digest }, value: 'ada', tenant: 'ada', shared: ['public.rate', 't_ada.log'] };
    const by = (schemas: { named: string; leave?: { table: string }[] }) =>
      misfitOfRules(
        { ...made, tables: [table], schemas: { named: 't_{tenant}', others: [] } },
        { digest, schemas, rules: [{ table: 'rate', rows: 'shared' }] },
      );
    expect(by({ named: 't_{tenant}', leave: [{ table: 'log' }] })).toBeUndefined();
    expect(by({ named: 't_{tenant}' })).toMatch(/t_ada\.log/);
    expect(by({ named: 'u_{tenant}', leave: [{ table: 'log' }] })).toMatch(/named t_\{tenant\} in it, and u_/);
  });
});

test('A sequence is raised behind what comes back, in the direction in which it counts, and never set back', () => {
  const feeding = { sequence: 's.q', table: 's.t', column: 'id', next: '5', increment: '1' };
  const to = (next: string, increment: string, least: bigint, most: bigint) =>
    sequencesToRaise([{ ...feeding, next, increment }], () => ({ least, most })).map((each) => each.to);
  expect(to('5', '1', 1n, 4n)).toEqual([]);
  expect(to('5', '1', 1n, 5n)).toEqual(['6']);
  expect(to('-5', '-1', -9n, 7n)).toEqual(['-10']);
  expect(to('-5', '-1', -4n, 7n)).toEqual([]);
  expect(sequencesToRaise([feeding], () => undefined)).toEqual([]);
  const two = [feeding, { ...feeding, table: 's.u' }];
  expect(sequencesToRaise(two, (table) => ({ least: 1n, most: table === 's.u' ? 9n : 7n }))).toEqual([
    { sequence: 's.q', column: 's.u.id', next: '5', to: '10' },
  ]);
});
