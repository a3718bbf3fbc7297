/** How an interrupted upgrade's end is held against an undisturbed one's, where ids come out otherwise each time. */
import { compareFingerprints, type Difference, type Fingerprint } from '@headgate/domain/rehearsal/compare';
import type pg from 'pg';

/**
 * What Odoo itself does once more whenever an upgrade is called again, and what no tenant has anything of: its processes tell one
 * another that something was loaded anew, and it notes that a scheduled job is wanted, a row each time, of which several are as one.
 */
const ANEW = /^public\.(orm_signaling_\w+|ir_cron_trigger)$/;
/** What a view was before it was written last: after a second time it is what it is. */
const PREVIOUS = new Set(['public.ir_ui_view.arch_prev']);

export interface TenantEnds {
  /** Tables that were compared. */
  readonly tables: number;
  readonly differences: readonly Difference[];
  /** Columns that were left out, since they come out otherwise whenever they are made; a table for all of its rows' values. */
  readonly following: readonly string[];
}

/** `made`: what differs between undisturbed upgrades: they may differ there again. */
export function compareTenantEnds(after: Fingerprint, last: Fingerprint, made: readonly Difference[]): TenantEnds {
  const following = new Set(made.flatMap((each) => (each.kind === 'values' ? [nameOf(each)] : [])));
  const loose = new Set(made.flatMap((each) => ('relation' in each ? [each.relation] : [])));
  const differences = compareFingerprints(after, last).filter((each) => {
    // Numbers that a transaction took and didn't keep are gone for good.
    if (each.kind === 'sequence-back') return false;
    if (!('relation' in each)) return true;
    if (ANEW.test(each.relation)) return false;
    if (each.kind === 'rows') return true;
    return each.column === undefined
      ? !loose.has(each.relation)
      : !following.has(nameOf(each)) && !PREVIOUS.has(nameOf(each));
  });
  return {
    tables: after.tables.filter(({ relation }) => !ANEW.test(relation)).length,
    differences,
    following: [...following].sort(),
  };
}

function nameOf({ relation, column }: Difference & { readonly kind: 'values' }): string {
  return column === undefined ? relation : `${relation}.${column}`;
}

/** How far: an interrupted upgrade takes fewer. */
const STEPS = 1_000;

/**
 * Moves every sequence that has given a number, so that what is made from here on has other ids: where values differ then,
 * they follow ids, and an interrupted upgrade's may, too.
 */
export async function shiftSequences(client: pg.ClientBase): Promise<void> {
  await client.query(
    `select pg_catalog.setval(pg_catalog.format('%I.%I', schemaname, sequencename)::pg_catalog.regclass, last_value + ${STEPS} * increment_by)
     from pg_catalog.pg_sequences
     where last_value is not null and last_value + ${STEPS} * increment_by between min_value and max_value`,
  );
}
