import { describe, expect, test } from 'vitest';
import { stopText } from '../commands/leave.ts';
import { type EndFacts, whyNotEnd } from './may-end.ts';

const cell = (name: string, ...served: string[]): EndFacts =>
  ({ cell: name, seen: { parts: [], served, halfWay: [] }, tenants: served, inTheWay: [] }) as never;
const everybody = (cells: readonly EndFacts[]) =>
  cells.flatMap(({ cell: where, seen }) => seen.served.map((tenant) => ({ cell: where, tenant })));

describe('what is printed to be typed first, before leaving, is taken as it is printed', () => {
  test.each<[string, readonly EndFacts[]]>([
    ['one environment', [cell('shop-production', 'shop')]],
    ['one name in two environments', [cell('shop-staging', 'shop'), cell('shop-production', 'shop', 'desk')]],
    ['nobody', [cell('shop-staging')]],
  ])('%s', (_what, cells) => {
    const [, typed] = /--tenants (\S+)$/.exec(stopText('agent.yaml', everybody(cells), [])) ?? [];
    expect(whyNotEnd(cells, typed?.split(',') ?? [])).toEqual([]);
  });

  test('cells that are named are ended alone, so they are named there, too', () => {
    expect(stopText('agent.yaml', everybody([cell('shop-staging', 'shop')]), ['shop-staging'])).toBe(
      'headgate-agent stop --config agent.yaml --cell shop-staging --tenants shop',
    );
  });
});
