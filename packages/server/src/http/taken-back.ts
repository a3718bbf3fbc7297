/** What agents took back of promotions after these had ended. */
import { type CellRecord, type ControlStore, type Row, streams } from '@headgate/control';
import { type Promotion, type TakenBack, type ToldTakenBack, toldTakenBack } from '@headgate/domain';
import { allRows } from './paging.ts';

export type TakenBackOf = (promotion: Pick<Promotion, 'id'>) => TakenBack | undefined;

/** Loads what was taken back of these promotions, in one query: of those that have ended, since before it is no news. */
export async function takenBackOf(store: ControlStore, promotions: readonly Promotion[]): Promise<TakenBackOf> {
  const names = promotions.flatMap(({ id, phase }) => (phase === 'ended' ? [streams.undone(id)] : []));
  if (names.length === 0) return () => undefined;
  const rows = await store.load(names);
  return ({ id }) => rows.get(streams.undone(id))?.state as TakenBack | undefined;
}

/** So many are read for one look, and so many are told. */
const MOST = { rows: 1_000, cells: 1_000, told: 50 };

/** All that was taken back, up to a bound, of one environment or of all. */
export async function allTakenBack(
  store: ControlStore,
  environment: string | undefined,
): Promise<{ readonly all: readonly TakenBack[]; readonly truncated: boolean }> {
  const { rows, truncated } = await allRows<TakenBack>(store, 'undone', MOST.rows);
  const all = rows.map(({ state }) => state);
  return { all: all.filter((each) => environment === undefined || each.environment === environment), truncated };
}

export interface StandsTakenBack extends ToldTakenBack {
  readonly promotion: Promotion;
}

/** What was taken back and still is: nothing was carried out since in the cell. The newest first. */
export async function stillTakenBack(
  store: ControlStore,
): Promise<{ readonly items: readonly StandsTakenBack[]; readonly truncated: boolean }> {
  const { all, truncated } = await allTakenBack(store, undefined);
  if (all.length === 0) return { items: [], truncated };
  const named = [...new Set(all.flatMap(({ cells }) => cells.map(({ cell }) => streams.cell(cell))))];
  const cells = await store.load(named.slice(0, MOST.cells));
  const stands = all.flatMap((each) => {
    const left = each.cells.filter(({ cell, assigned }) => {
      const row = cells.get(streams.cell(cell)) as Row<CellRecord> | undefined;
      return (row?.state.assigned ?? 0) === assigned;
    });
    const told = toldTakenBack({ ...each, cells: left });
    return told === undefined ? [] : [{ id: each.promotion, told }];
  });
  const newest = stands.sort((a, b) => b.told.at - a.told.at).slice(0, MOST.told);
  const promotions = await store.load(newest.map(({ id }) => streams.promotion(id)));
  const items = newest.flatMap(({ id, told }) => {
    const promotion = promotions.get(streams.promotion(id))?.state as Promotion | undefined;
    return promotion === undefined ? [] : [{ promotion, ...told }];
  });
  return { items, truncated: truncated || named.length > MOST.cells || stands.length > MOST.told };
}
