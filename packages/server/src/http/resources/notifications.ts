import {
  loadOverrides,
  notFound,
  notRetried,
  type Result,
  retryDelivery,
  streams,
  testChannel,
} from '@headgate/control';
import { renderDelivery } from '@headgate/documents/words/render';
import { sampleDelivery } from '@headgate/documents/words/sample';
import { type Delivery, dueOfDelivery, type Principal } from '@headgate/domain';
import { byRole } from '../actions.ts';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';
import { pageOfRows } from '../paging.ts';

type Names = 'listDeliveries' | 'showDelivery' | 'retryDelivery' | 'testNotification' | 'previewNotification';

export function notificationHandlers({ deps }: Context): Handlers<Names> {
  const { store } = deps;
  const shown = (principal: Principal, result: Result<Delivery>) =>
    result.ok ? ({ ok: true, value: showDelivery(result.value, principal) } as const) : result;
  return {
    async listDeliveries({ principal, input }) {
      const { promotion, notification, channel, state } = input;
      const page = await pageOfRows(store, 'delivery', input, {
        ...(promotion !== undefined && { parent: streams.promotion(promotion) }),
        ...(notification !== undefined && { facet: notification }),
      });
      if (!page.ok) return page;
      const items = page.value.rows
        .map((row) => row.state as Delivery)
        .filter((d) => channel === undefined || d.channel === channel)
        .filter((d) => state === undefined || d.phase === state)
        .map((d) => showDelivery(d, principal));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async showDelivery({ principal, input }) {
      const stream = streams.delivery(input.delivery);
      const row = (await store.load([stream])).get(stream);
      if (row === undefined) return notFound('show a message', stream);
      return { ok: true, value: showDelivery(row.state as Delivery, principal) };
    },
    async retryDelivery({ principal, input }) {
      return shown(principal, await retryDelivery(deps, principal, input.delivery));
    },
    async testNotification({ principal, input, body }) {
      return shown(principal, await testChannel(deps, principal, input.notification, body.channel));
    },
    async previewNotification({ input }) {
      const found = await loadOverrides(store, input.notification);
      if (found === undefined)
        return notFound('preview a notification', streams.document('Notification', input.notification));
      const delivery = sampleDelivery(input.notification, found.audience, input.about, await store.now());
      const { subject, text } = renderDelivery(delivery, found.overrides, 'plain');
      const html = renderDelivery(delivery, found.overrides, 'html').text;
      return { ok: true, value: { subject, text, html } };
    },
  };
}

function showDelivery(delivery: Delivery, principal: Principal) {
  const { id, rule, channel, audience, about, urgent, promotion, count, attempt, why, madeAt, phase } = delivery;
  const { notify } = byRole(principal, ['notify']) as { notify: { allowed: boolean; because: string } };
  const because = notRetried(delivery);
  const retry = notify.allowed && because !== undefined ? { allowed: false, because } : notify;
  return {
    ...{
      id,
      notification: rule,
      channel,
      audience,
      about,
      urgent,
      promotion: promotion ?? null,
      count,
      attempt,
      madeAt,
    },
    state: phase,
    why: why ?? null,
    dueAt: dueOfDelivery(delivery),
    endedAt: phase === 'sent' || phase === 'given-up' ? delivery.at : null,
    actions: { retry },
  };
}
