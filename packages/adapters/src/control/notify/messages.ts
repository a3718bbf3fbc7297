/** What goes over the wire, by kind of channel. */

import { escaped, type Overrides, renderDelivery } from '@headgate/documents/words/render';
import { type Delivery, PRODUCT } from '@headgate/domain';

export interface Body {
  readonly contentType: string;
  readonly text: string;
}

const MOST_CHAT = 3_500;

/** The body of a webhook: `type`, `timestamp` and `data`, as Standard Webhooks recommends. */
export function webhookBody(delivery: Delivery, overrides: Overrides): Body {
  const { rule, audience, about, count, items, madeAt } = delivery;
  const { subject, text } = renderDelivery(delivery, overrides, 'plain');
  const data = { notification: rule, audience, subject, text, count, items };
  const body = { type: `headgate.${about}`, timestamp: new Date(madeAt).toISOString(), data };
  return { contentType: 'application/json', text: JSON.stringify(body) };
}

/** A CloudEvent in structured mode; a trial is an event of ours, since CDEvents has none for it. */
export function cloudEventBody({ event, id, madeAt, rule }: Delivery): Body {
  const trial = {
    specversion: '1.0',
    id,
    source: PRODUCT.toLowerCase(),
    type: 'dev.headgate.notification.trial',
    time: new Date(madeAt).toISOString(),
    datacontenttype: 'application/json',
    data: { notification: rule },
  };
  return { contentType: 'application/cloudevents+json; charset=utf-8', text: JSON.stringify(event ?? trial) };
}

/** The body that incoming webhooks of chats take: `text`, with values that can't mention or link. */
export function chatBody(delivery: Delivery, overrides: Overrides): Body {
  const { subject, text } = renderDelivery(delivery, overrides, 'chat');
  const said = `*${escaped(subject, 'chat')}*\n${text}`.slice(0, MOST_CHAT);
  return { contentType: 'application/json', text: JSON.stringify({ text: said }) };
}

export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A mail's plain part and its HTML part, each with values escaped for it. */
export function mailOf(delivery: Delivery, overrides: Overrides): Mail {
  const { subject, text } = renderDelivery(delivery, overrides, 'plain');
  const html = renderDelivery(delivery, overrides, 'html').text.replaceAll('\n', '<br>\n');
  const title = escaped(subject, 'html');
  return {
    subject,
    text: `${text}\n`,
    html: `<!doctype html><html><head><meta charset="utf-8"><title>${title}</title></head><body><p>${html}</p></body></html>\n`,
  };
}
