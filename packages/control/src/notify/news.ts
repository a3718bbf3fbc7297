/** Entries of the log that may be news, with the fixed facts of the promotions that they are about. */
import { decodeEntry, type LogEntry } from '@headgate/documents/log/entry';
import type {
  Hypercare,
  Noted,
  NotedBeside,
  Plan,
  Promotion,
  ReleaseRef,
  Rollout,
  TakenBack,
  TakenBackCell,
  ToldPromotion,
} from '@headgate/domain';
import { reachedBy } from '@headgate/domain/plan/activation';
import type { Plans } from '../facts.ts';
import type { PlacedEntry } from '../ports/log.ts';
import type { ControlStore } from '../ports/store.ts';
import { type CellRecord, streams } from '../records.ts';

/** Of all that isn't a promotion's own; a rollout's other entries, of which there are many, are news to nobody. */
const OF_OTHERS: ReadonlySet<string> = new Set([
  'rollout.asked',
  'rollout.settled',
  'hypercare.alarmed',
  'hypercare.ended',
  'freeze.declared',
  'freeze.lifted',
  'cell.adopted',
  'drill.recorded',
  'undone.recorded',
]);

export interface PlacedNews {
  readonly place: number;
  readonly entry: LogEntry;
}

/** Those of the entries that may be news. Throws for one that can't be read: the log is ours, so it is broken. */
export function newsAmong(entries: readonly PlacedEntry[]): readonly PlacedNews[] {
  return entries.flatMap(({ place, bytes }) => {
    const read = decodeEntry(bytes);
    if (!read.ok) throw new Error(`entry ${place} of the log can't be read: ${read.why}`);
    const { entry } = read;
    const news = entry.stream.startsWith('promotion/') || OF_OTHERS.has(entry.type);
    return news ? [{ place, entry }] : [];
  });
}

/**
 * Joins entries with the promotions that they are about. One whose promotion or plan isn't there is left out: it mends
 * nobody's database that nobody is told anything any more.
 */
export async function noted(store: ControlStore, plans: Plans, news: readonly PlacedNews[]): Promise<readonly Noted[]> {
  const others = await store.load([
    ...new Set(news.map((n) => n.entry.stream).filter((s) => /^(rollout|hypercare|undone|cell)\//.test(s))),
  ]);
  // A watch that was superseded meanwhile is its successor's row: what is told late is told of the promotion that is watched.
  const promotionOf = ({ stream }: LogEntry): string => {
    const of = others.get(stream)?.state as Rollout | Hypercare | TakenBack | undefined;
    return of === undefined || stream.startsWith('cell/') ? stream : streams.promotion(of.promotion);
  };
  const promotions = await store.load([...new Set(news.map(({ entry }) => promotionOf(entry)))]);
  const facts = new Map<string, ToldPromotion>();
  for (const [stream, row] of promotions) {
    if (!stream.startsWith('promotion/')) continue;
    const promotion = row.state as Promotion;
    const plan = await plans.find(promotion.planDigest);
    if (plan !== undefined) facts.set(stream, factsOf(promotion, plan));
  }
  return news.flatMap(({ place, entry }): readonly Noted[] => {
    const { at, type, data, stream, by } = entry;
    if (stream.startsWith('freeze/') || stream.startsWith('drill/')) return [{ place, at, type, data, by }];
    if (stream.startsWith('cell/')) return besideOf(place, entry, others.get(stream)?.state as CellRecord | undefined);
    const promotion = facts.get(promotionOf(entry));
    if (promotion === undefined) return [];
    const cell = stream.startsWith('undone/')
      ? (data as unknown as TakenBackCell).cell
      : (others.get(stream)?.state as Rollout | undefined)?.cell;
    return [{ place, at, promotion, type, data, ...(cell !== undefined && { cell }) } as unknown as Noted];
  });
}

/** A cell that was adopted, and the releases that it was adopted with. */
function besideOf(
  place: number,
  { at, type, data, by }: LogEntry,
  record: CellRecord | undefined,
): readonly NotedBeside[] {
  if (record?.desired === undefined) return [];
  const { cell, application, environment } = record.desired;
  const slots = (data.slots ?? {}) as Readonly<Record<string, { readonly release?: ReleaseRef }>>;
  const versions = new Set(Object.values(slots).flatMap(({ release }) => release?.version ?? []));
  const adopted = { cell, application, environment, version: [...versions].join(', ') };
  return [{ place, at, type, data, by, adopted }];
}

function factsOf(promotion: Promotion, plan: Plan): ToldPromotion {
  const { id, application, environment, release, requester, authors, waves, cells } = promotion;
  const before: Record<string, ReleaseRef> = {};
  const tenants: string[][] = Array.from({ length: waves }, () => []);
  for (const { cell, base, slot, steps } of plan.cells) {
    const stable = base.slots[slot.from]?.release;
    if (stable !== undefined) before[cell] = stable;
    for (const step of steps) tenants[step.wave - 1]?.push(...reachedBy(step).map((tenant) => `${cell}/${tenant}`));
  }
  return { id, application, environment, release, requester, authors, waves, cells, tenants, before };
}
