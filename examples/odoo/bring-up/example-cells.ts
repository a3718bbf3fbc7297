/** A tenant as the documents declare it; its store and its database have its name. */
export interface CellTenant {
  readonly id: string;
  readonly ring: 'canary' | 'broad';
  /** The company's name. */
  readonly name: string;
  /** How the tenant has its invoices referred to. */
  readonly referencePattern: string;
}

export interface ExampleCell {
  readonly cell: string;
  readonly environment: 'staging' | 'production';
  readonly tenants: readonly CellTenant[];
  /** `dedicated`: a set of processes for the one tenant. Without it, all tenants share one. */
  readonly serving?: 'dedicated';
  /** Worker processes of Odoo in each slot; none: it serves by threads. */
  readonly workers?: number;
}

/** In which place, in the order in which production's tenants are upgraded, the one stands that 19.0.3 breaks. */
export type Failing = 'first' | 'third';

const USUAL = '{year}-{month}/{project}';
/** 19.0.3 renames what this stands for, and nobody whose pattern staging has uses it. */
const BROKEN_BY_19_0_3 = '{customer}/{year}';

const PRODUCTION = [
  ['aspen', 'canary'],
  ['birch', 'broad'],
  ['cedar', 'broad'],
  ['dogwood', 'broad'],
] as const;

/** Who lives where. Staging is made of a plain customer, as staging systems are; one of production has a habit of its own. */
export function exampleCells(failing: Failing, productionWorkers = 0): readonly ExampleCell[] {
  const at = failing === 'first' ? 0 : 2;
  return [
    {
      cell: 'odoo-staging',
      environment: 'staging',
      tenants: [{ id: 'rehearsal', ring: 'canary', name: 'Rehearsal', referencePattern: USUAL }],
    },
    {
      cell: 'odoo-production',
      environment: 'production',
      workers: productionWorkers,
      tenants: PRODUCTION.map(([id, ring], place) => ({
        id,
        ring,
        name: `${id[0]!.toUpperCase()}${id.slice(1)} Consulting`,
        referencePattern: place === at ? BROKEN_BY_19_0_3 : USUAL,
      })),
    },
  ];
}
