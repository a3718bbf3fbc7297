import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { expect, test } from 'vitest';
import { cellsToRebuild } from './cell-to-rebuild.ts';

const cell = (name: string, dependsOn: readonly string[], more: object = {}) =>
  ({ kind: 'process', cell: name, dependsOn, vault: {}, ...more }) as unknown as AnyCellConfig;
const order = (...cells: AnyCellConfig[]) => cellsToRebuild({ cells }, undefined).map((each) => each.cell);

test('cells come in the order of what they depend on, and of one name alone', () => {
  const [shop, ledger, identity] = [cell('shop', ['ledger']), cell('ledger', ['who']), cell('who', [])];
  expect(order(shop, ledger, identity)).toEqual(['who', 'ledger', 'shop']);
  expect(cellsToRebuild({ cells: [shop, ledger] }, 'shop').map((each) => each.cell)).toEqual(['shop']);
});

test('one that depends on a cell without a vault is planned all the same, and one of Odoo like any other', () => {
  const without = { ...cell('ledger', []), vault: undefined } as unknown as AnyCellConfig;
  expect(order(cell('shop', ['ledger']), without)).toEqual(['shop']);
  expect(order(cell('erp', ['who'], { kind: 'odoo' }), cell('who', []))).toEqual(['who', 'erp']);
});
