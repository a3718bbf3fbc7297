import type { Restoration } from '@headgate/contract';
import { type RestorationRecord, recordRestoration, streams } from '@headgate/control';
import { type RestorationEvidence, restorationText } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { NO_CURSOR, pageOfRows } from '../paging.ts';
import { inBundle } from '../views.ts';

export function restorationHandlers({ deps, trust }: Context): Handlers<'listRestorations' | 'recordRestoration'> {
  return {
    async listRestorations({ input }) {
      const { cell } = input;
      if (cell !== undefined) {
        // One page has them all, and gives no cursor.
        if (input.cursor !== undefined) return NO_CURSOR;
        const stream = streams.restoration(cell);
        const record = (await deps.store.load([stream])).get(stream)?.state as RestorationRecord | undefined;
        return { ok: true, value: { items: (record?.lately ?? []).map(show), next: null } };
      }
      const page = await pageOfRows(deps.store, 'restoration', input, {});
      if (!page.ok) return page;
      const items = page.value.rows.flatMap(({ state }) => (state as RestorationRecord).lately.slice(0, 1).map(show));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async recordRestoration({ principal, body }) {
      await trust.refresh();
      const recorded = await recordRestoration(deps, principal, body.bundle);
      if (recorded.ok) return { ok: true, value: show(recorded.value) };
      // What is wrong with a bundle is said by a pointer into it, and it stands in the body.
      return { ok: false, refusals: recorded.refusals.map((each) => ({ ...each, where: inBundle(each.where) })) };
    },
  };
}

function show(restoration: RestorationEvidence): Shown<Restoration> {
  return { ...restoration, words: restorationText(restoration) } as unknown as Shown<Restoration>;
}
