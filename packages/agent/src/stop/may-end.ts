import type { RunningCell } from '@headgate/adapters/execution/running-cell';
import { named } from '@headgate/domain/plan/render-words';

/** What is known of one cell that is to be ended. */
export interface EndFacts {
  readonly cell: string;
  readonly seen: RunningCell;
  /** What of a plan is under way there, as the agent wrote it down; undefined: nothing. */
  readonly underWay: string | undefined;
  /** The tenants that are declared there, served or not. */
  readonly tenants: readonly string[];
  /** What else stands in the way of ending it, each in words: another holder of it, a right that is missing. */
  readonly inTheWay: readonly string[];
}

export interface Served {
  readonly cell: string;
  readonly tenant: string;
}

/** So many tenants are spelled out as they are to be typed. */
const MOST_TYPED = 20;

/**
 * Why cells can't be ended now, each on a line with what would unblock it; empty: they can. Nothing is ended half way
 * through a step, and nobody is cut off who wasn't named.
 */
export function whyNotEnd(cells: readonly EndFacts[], tenants: readonly string[]): readonly string[] {
  const why: string[] = [];
  for (const { cell, seen, underWay, inTheWay } of cells) {
    why.push(...inTheWay.map((each) => `cell ${cell}: ${each}`));
    const half = [...(underWay === undefined ? [] : [underWay]), ...seen.halfWay];
    if (half.length > 0)
      why.push(
        `cell ${cell}: a step is under way: ${half.join('; ')}. Let it come to its end with the agent running, or go back: headgate rollback PROMOTION --reason "…" (with the server away: headgate-agent rollback --config FILE --because "…")`,
      );
  }
  // One name may be served in several cells, as in staging and in production: whoever is meant is then said with the cell.
  const everybody = cells.flatMap(({ cell, seen }) => seen.served.map((tenant) => ({ cell, tenant })));
  const often = servedTwice(everybody);
  const said = new Set(tenants);
  const typed = typedWith(often);
  const isSaid = (each: Served): boolean =>
    said.has(`${each.cell}/${each.tenant}`) || (said.has(each.tenant) && !often.has(each.tenant));
  const unsaid = everybody.filter((each) => !isSaid(each));
  if (unsaid.length > 0) {
    const all = [...new Set(everybody.map(typed))].sort();
    const flag = all.length > MOST_TYPED ? 'all of them, with commas between' : all.join(',');
    const where = [...new Set(unsaid.map(({ cell }) => cell))];
    const which = where.length > 1 || often.size > 0 ? ', or which cell is to be ended alone: --cell CELL' : '';
    why.push(
      `${where.map((cell) => `cell ${cell}`).join(', ')}: ${named(unsaid.map(typed))} ${unsaid.length === 1 ? 'is' : 'are'} served there. Name who is to be cut off: --tenants ${flag}${which}`,
    );
  }
  const there = new Set(cells.flatMap(({ seen }) => seen.served));
  // Served no more they may be named again, if they are declared; where others are served it is a mistake.
  const declared = new Set(cells.flatMap((each) => each.tenants));
  const known = there.size === 0 ? declared : there;
  const placed = new Set(
    cells.flatMap((each) => [...each.seen.served, ...each.tenants].map((t) => `${each.cell}/${t}`)),
  );
  const strange = tenants.filter((tenant) => !known.has(tenant) && !placed.has(tenant));
  if (strange.length > 0)
    why.push(
      there.size === 0
        ? `--tenants: there is no tenant of that name: ${named(strange)}. Declared are ${named([...declared])}; none of them is served now`
        : `--tenants: nobody of that name is served there: ${named(strange)}. Served are ${named([...there])}`,
    );
  return why;
}

function servedTwice(everybody: readonly Served[]): ReadonlySet<string> {
  const often = new Set<string>();
  const once = new Set<string>();
  for (const { tenant } of everybody) (once.has(tenant) ? often : once).add(tenant);
  return often;
}

function typedWith(often: ReadonlySet<string>): (each: Served) => string {
  return ({ cell, tenant }) => (often.has(tenant) ? `${cell}/${tenant}` : tenant);
}

/** Who is served, as `--tenants` takes them: with the cell where one name is served in several. */
export function typedTenants(everybody: readonly Served[]): readonly string[] {
  return [...new Set(everybody.map(typedWith(servedTwice(everybody))))].sort();
}
