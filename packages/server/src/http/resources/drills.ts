import { type DrillRecord, recordDrill } from '@headgate/control';
import type { DrillEvidence } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { beginning, pageOfRows } from '../paging.ts';
import { inBundle } from '../views.ts';

export function drillHandlers({ deps, trust }: Context): Handlers<'listDrills' | 'recordDrill'> {
  return {
    async listDrills({ input }) {
      const only = beginning('drill', input.cell === undefined ? undefined : `${input.cell}/`);
      const page = await pageOfRows(deps.store, 'drill', input, only);
      if (!page.ok) return page;
      const items = page.value.rows.map(({ state }) => show((state as DrillRecord).last));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async recordDrill({ principal, body }) {
      await trust.refresh();
      const recorded = await recordDrill(deps, principal, body.bundle);
      if (recorded.ok) return { ok: true, value: show(recorded.value) };
      // What is wrong with a bundle is said by a pointer into it, and it stands in the body.
      return { ok: false, refusals: recorded.refusals.map((each) => ({ ...each, where: inBundle(each.where) })) };
    },
  };
}

function show(drill: DrillEvidence): Shown<import('@headgate/contract').Drill> {
  return drill as unknown as Shown<import('@headgate/contract').Drill>;
}
