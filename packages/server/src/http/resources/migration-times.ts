import { notFound, type ReleaseRecord, refuse, streams } from '@headgate/control';
import { decodeEntry } from '@headgate/documents/log/entry';
import { keptBefore, migrationTimes, type Promotion, type StepEntry, toldTimes } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';

/** Cells of one page: each one's entries are read for it. */
const PAGE = 20;
/** Entries of one cell that are read, and how many at once: a cell with a thousand stores of its own has some more. */
const MOST_ENTRIES = 10_000;
const AT_ONCE = 1_000;
/** Restore points of one cell that are named. */
const MOST_KEPT = 200;

export function migrationTimeHandlers({ deps, gatherers, log }: Context): Handlers<'listMigrationTimes'> {
  const { store } = deps;

  /** What its steps came to, from the first entry on. */
  async function entriesOf(stream: string, version: number): Promise<readonly StepEntry[]> {
    const entries: StepEntry[] = [];
    for (let after = 0; after < Math.min(version, MOST_ENTRIES); after += AT_ONCE) {
      for (const { bytes } of await log.history(stream, after, AT_ONCE)) {
        const decoded = decodeEntry(bytes);
        if (decoded.ok && decoded.entry.data.result !== undefined) entries.push(decoded.entry);
      }
    }
    return entries;
  }

  return {
    async listMigrationTimes({ input }) {
      const what = 'list what migrations took';
      const own = streams.promotion(input.promotion);
      const promotion = (await store.load([own])).get(own)?.state as Promotion | undefined;
      if (promotion === undefined) return notFound(what, own);
      const from = input.cursor === undefined ? 0 : Number(input.cursor);
      if (!Number.isSafeInteger(from) || from < 0)
        return refuse(
          'malformed',
          what,
          'query/cursor',
          'it is not a cursor of this list',
          'take `next` of the page before',
        );
      const plan = await gatherers.plans.get(promotion.planDigest);
      const migrated = plan.cells.filter(({ steps }) => steps.some(({ action }) => action.kind === 'migrate'));
      const to = from + (input.limit ?? PAGE);
      const cells = migrated.slice(from, to);
      const release = streams.release(promotion.release.digest);
      const rolloutOf = (cell: string) => streams.rollout(`${promotion.id}.${cell}`);
      const rows = await store.load([release, ...cells.map(({ cell }) => rolloutOf(cell))]);
      const evidence = (rows.get(release)?.state as ReleaseRecord | undefined)?.evidence ?? [];
      const promised = { plan, release: promotion.release.digest, evidence };
      const items: object[] = [];
      for (const cell of cells) {
        const version = rows.get(rolloutOf(cell.cell))?.version ?? 0;
        const entries = await entriesOf(rolloutOf(cell.cell), version);
        const { told, left } = toldTimes(migrationTimes(promised, cell, entries));
        const kept = keptBefore(entries).slice(0, MOST_KEPT);
        const keeping = kept.length > 0 && { kept };
        if (told.length + kept.length > 0)
          items.push({ cell: cell.cell, migrations: told, ...keeping, left, cut: version > MOST_ENTRIES });
      }
      return { ok: true, value: { items: items as Shown<never>[], next: to < migrated.length ? String(to) : null } };
    },
  };
}
