/** The numbers of facts: of one fact on both sides, and of all of them. Each side is added up from its own rows. */
import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import type { Amount, SideSum } from '@headgate/domain';
import { SumKeeper } from '@headgate/domain';
import { cut } from '@headgate/domain/model/text';
import { decimalText, parseDecimal, sumOf } from '@headgate/domain/reconcile/decimal';
import type { TenantRow } from './right-side.ts';

type Spec = ReconciliationContent['spec'];
/** Of a currency's name, as it is told and kept. */
export const UNIT_LENGTH = 20;

export function amountsOf(spec: Spec, left: readonly TenantRow[], right: readonly TenantRow[]): readonly Amount[] {
  return numbersOf(spec).flatMap((field) => {
    const units = new Map<string | undefined, { left: string[]; right: string[] }>();
    for (const side of ['left', 'right'] as const)
      for (const { row } of side === 'left' ? left : right) {
        const unit = unitOf(spec, side, row);
        const texts = units.get(unit) ?? { left: [], right: [] };
        const value = parseDecimal(row[field[side]]);
        if (value !== undefined) texts[side].push(decimalText(value));
        units.set(unit, texts);
      }
    return [...units].map(([unit, texts]) => ({
      field: field.name,
      ...(unit !== undefined && { unit }),
      left: total(texts.left),
      right: total(texts.right),
    }));
  });
}

/** Of all rows, whatever their keys: what a comparison might have overlooked is in the sums. */
export function sumsOf(spec: Spec, left: readonly TenantRow[], right: readonly TenantRow[]): readonly SideSum[] {
  return numbersOf(spec).flatMap((field) => {
    const keeper = new SumKeeper(field.name);
    for (const { row } of left) keeper.add('left', unitOf(spec, 'left', row), row[field.left]);
    for (const { row } of right) keeper.add('right', unitOf(spec, 'right', row), row[field.right]);
    return keeper.sums();
  });
}

function numbersOf(spec: Spec): Spec['compare'] {
  return spec.compare.filter(({ as }) => as === 'number');
}

/** What a fact's amounts are in, where the document says which column tells, and it does; as it stands there. */
export function currencyOf(spec: Spec, side: 'left' | 'right', row: TenantRow['row']): string | undefined {
  const field = spec.money?.currency?.[side];
  const value = field === undefined ? undefined : row[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function unitOf(spec: Spec, side: 'left' | 'right', row: TenantRow['row']): string | undefined {
  const currency = currencyOf(spec, side, row);
  return currency === undefined ? undefined : cut(currency, UNIT_LENGTH);
}

function total(texts: readonly string[]): string | null {
  if (texts.length === 0) return null;
  const sum = sumOf(texts);
  return sum === undefined ? null : decimalText(sum);
}
