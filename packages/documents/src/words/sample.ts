import type { Audience, Delivery, DeliveryKind, Instant, Item } from '@headgate/domain';
import { HAPPENINGS } from '@headgate/domain';

/** A delivery with made-up values, to see how it would read. */
export function sampleDelivery(rule: string, audience: Audience, about: DeliveryKind, at: Instant): Delivery {
  const shown = { at, application: 'shop', environment: 'production', version: '2.4.0' };
  const whom: Partial<Item> =
    audience === 'customers'
      ? { tenants: ['acme'] }
      : { promotion: 'prm_0', words: 'a person’s or an agent’s words', cell: 'live' };
  const happening = HAPPENINGS.find((each) => each === about) ?? 'finished';
  const result = happening === 'finished' ? { result: 'promoted' } : {};
  const item: Item = { ...shown, ...whom, happening, ...result };
  const items = about === 'digest' ? HAPPENINGS.map((each) => ({ ...item, happening: each })) : [item];
  return {
    ...{ id: 'msg_0', rule, channel: 'preview', audience, about, urgent: false, items, count: items.length },
    ...{ madeAt: at, attempt: 0, giveUpAt: at, phase: 'waiting', dueAt: at },
  };
}
