import type { TaxCode } from './app/core/billing.ts';

/** A tenant of the example, with the terms of the customer that its new projects go to. */
export interface ExampleTenant {
  readonly id: string;
  readonly ring: 'internal' | 'pilot' | 'broad';
  readonly taxCode: TaxCode;
  readonly purchaseOrder: string | null;
}

export interface ExampleCell {
  readonly cell: string;
  readonly environment: 'staging' | 'production';
  readonly store: string;
  readonly tenants: readonly ExampleTenant[];
  readonly timeEntries: number;
}

const tenant = (
  id: string,
  ring: ExampleTenant['ring'],
  taxCode: TaxCode = 'standard',
  purchaseOrder: string | null = null,
): ExampleTenant => ({ id, ring, taxCode, purchaseOrder });

/**
 * Who lives where. Staging is made of plain customers, as staging systems are; production has what customers really
 * bring: business across borders under reverse charge, and blanket orders of which each call-off is a part.
 */
export const EXAMPLE_CELLS: readonly ExampleCell[] = [
  {
    cell: 'staging',
    environment: 'staging',
    store: 'staging-store',
    tenants: [
      tenant('stg-a', 'internal'),
      tenant('stg-b', 'internal', 'reduced'),
      tenant('stg-c', 'internal', 'standard', '4500817301'),
    ],
    timeEntries: 10_000,
  },
  {
    cell: 'shared',
    environment: 'production',
    store: 'shared-store',
    tenants: [
      tenant('int-1', 'internal'),
      tenant('int-2', 'internal', 'reduced'),
      tenant('pil-1', 'pilot', 'reverse-charge'),
      tenant('pil-2', 'pilot', 'standard', '4500/817302'),
      tenant('pil-3', 'pilot', 'standard', '4500817303'),
      tenant('brd-1', 'broad'),
      tenant('brd-2', 'broad', 'reduced'),
      tenant('brd-3', 'broad', 'standard', '4500817304'),
    ],
    timeEntries: 80_000,
  },
  {
    cell: 'dedicated',
    environment: 'production',
    store: 'dedicated-store',
    tenants: [tenant('ded-1', 'broad')],
    timeEntries: 10_000,
  },
];
