import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { contractsTooEarly, type OrderedMigration, type OrderedRelease, type SchemaUser } from './contract-order.ts';

const migration = (to: number, more: Partial<OrderedMigration> = {}): OrderedMigration => ({
  ...{ id: `m${to}`, from: to - 1, to, declared: 'expand', found: 'expand', removes: [] },
  ...more,
});
const contract = (to: number) =>
  migration(to, { declared: 'contract', found: 'contract', removes: ['public.orders.note'] });
const release = (version: string, min: number, max: number, ...migrations: OrderedMigration[]): OrderedRelease => ({
  ...{ version, migrations },
  range: { min, max },
});
const user = (kind: SchemaUser['kind'], min: number, max: number): SchemaUser => ({
  kind,
  name: 'cell/blue',
  version: '1.0.0',
  range: { min, max },
});

describe('what takes something away waits for all that uses it', () => {
  test.each<[string, readonly SchemaUser[], number]>([
    ['nothing runs below', [user('slot', 2, 3)], 0],
    ['a slot runs below', [user('slot', 1, 2)], 1],
    ['a worker runs below', [user('slot', 3, 3), user('worker', 1, 2)], 1],
    ['a way back leads below', [user('slot', 3, 3), user('way-back', 1, 2)], 1],
    ['nothing runs at all', [], 0],
  ])('%s', (_what, users, count) => {
    const refusals = contractsTooEarly([release('1.2.0', 2, 3, contract(3))], users);
    expect(refusals.length).toBe(count);
    for (const { code, why, unblock } of refusals) {
      expect(code).toBe('contract-too-early');
      expect(why).toContain('public.orders.note');
      expect(unblock).not.toBe('');
    }
  });

  it('an expansion waits for nothing', () => {
    expect(contractsTooEarly([release('1.1.0', 1, 2, migration(2))], [user('slot', 1, 2)])).toEqual([]);
  });
});

it('a file that takes away more than it is declared to do is told', () => {
  const [refusal] = contractsTooEarly(
    [release('1.1.0', 1, 2, migration(2, { found: 'contract', removes: ['public.a'] }))],
    [user('slot', 1, 2)],
  );
  expect(refusal).toMatchObject({ code: 'phase-understated', removes: ['public.a'] });
});

describe('over a sequence of releases', () => {
  const first = release('1.0.0', 1, 1);
  const expand = release('1.1.0', 1, 2, migration(2));
  const tolerant = release('1.2.0', 2, 3);
  it('expand, then code that does without, then contract two releases later, is in order', () => {
    expect(
      contractsTooEarly([first, expand, tolerant, release('1.3.0', 2, 3), release('1.4.0', 2, 3, contract(3))], []),
    ).toEqual([]);
  });

  it('the release right after still has a way back to code that uses it', () => {
    const [refusal] = contractsTooEarly([first, expand, tolerant, release('1.3.0', 2, 3, contract(3))], []);
    expect(refusal).toMatchObject({ code: 'contract-too-early', users: [{ kind: 'way-back', version: '1.1.0' }] });
    expect(refusal?.unblock).toContain('so that nothing leads back');
  });

  it('the release that stops using it can’t take it away itself', () => {
    expect(contractsTooEarly([first, expand, release('1.2.0', 2, 3, contract(3))], [])).toMatchObject([
      { users: [{ kind: 'slot', version: '1.1.0' }, { kind: 'way-back' }] },
    ]);
  });
});

it('never refuses for users that all run on the schema after, and always for one that doesn’t', () => {
  const range = fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));
  const users = fc.array(
    fc.record({
      kind: fc.constantFrom<SchemaUser['kind']>('slot', 'worker', 'way-back', 'watch'),
      name: fc.constant('x'),
      version: fc.constant('1'),
      range,
    }),
  );
  fc.assert(
    fc.property(users, fc.integer({ min: 1, max: 9 }), (all, to) => {
      const refused = contractsTooEarly([release('2', to, to, contract(to))], all).length > 0;
      expect(refused).toBe(all.some((each) => each.range.max < to));
    }),
  );
});
