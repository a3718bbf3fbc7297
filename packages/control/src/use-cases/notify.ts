import type { Delivery, Principal, QueuedDelivery } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { deliveryWrite } from '../notify/notifier.ts';
import { loadChannel } from '../notify/rules.ts';
import type { Row } from '../ports/store.ts';
import { streams } from '../records.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/** Sends a message that was given up, or waits for its next attempt, at once; it keeps its id. */
export async function retryDelivery(deps: Deps, principal: Principal, id: string): Promise<Result<Delivery>> {
  const what = 'send a message again';
  const stream = streams.delivery(id);
  const denied = notPermitted(principal, 'notify', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh(what, stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<Delivery> | undefined;
    if (row === undefined) return notFound(what, stream);
    const because = notRetried(row.state);
    if (because !== undefined) return refuse('wrong-phase', what, stream, because, 'look at it again later');
    const at = await deps.store.now();
    const write = deliveryWrite(stream, row, { type: 'delivery.retried', data: { by: principal.id, at } });
    const committed = await deps.store.commit({ by: principal.id, writes: [write] });
    return committed.ok ? ok(write.state as Delivery) : undefined;
  });
}

/** Why a delivery isn't retried, or undefined when it may be. */
export function notRetried(delivery: Delivery): string | undefined {
  if (delivery.phase === 'given-up') return undefined;
  if (delivery.phase === 'waiting')
    return delivery.attempt > 0 ? undefined : 'it waits for its time, and was not tried yet';
  return delivery.phase === 'sent' ? 'it was sent' : 'it is on its way';
}

/** Queues a trial for one channel of a Notification. */
export async function testChannel(
  deps: Deps,
  principal: Principal,
  rule: string,
  channel: string,
): Promise<Result<Delivery>> {
  const what = 'try a channel';
  const where = streams.document('Notification', rule);
  const denied = notPermitted(principal, 'notify', where);
  if (denied !== undefined) return no(denied);
  const now = await deps.store.now();
  const found = await loadChannel(deps.store, rule, channel, now);
  if (typeof found === 'string') return refuse('not-found', what, where, found, 'name one that stands in the document');
  const id = deps.newId('msg');
  const data: QueuedDelivery = {
    ...{ id, rule, channel, audience: 'team', about: 'test', urgent: true },
    ...{ items: [], count: 1, madeAt: now, dueAt: now },
  };
  const write = deliveryWrite(streams.delivery(id), undefined, { type: 'delivery.queued', data });
  const committed = await deps.store.commit({ by: principal.id, writes: [write] });
  return committed.ok ? ok(write.state as Delivery) : refuse('busy', what, where, 'it changed', 'try again');
}
