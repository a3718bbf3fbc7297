import { z } from 'zod';
import { route } from '../route.ts';
import { id, name, pageOf, paging } from '../schemas/common.ts';
import { delivery, deliveryState, previewed } from '../schemas/notify.ts';

const tag = 'notifications';
const params = z.object({ notification: name });

export const notifyRoutes = {
  listDeliveries: route({
    method: 'GET',
    path: '/v1/deliveries',
    summary: 'Messages in the order of their ids; a page may hold fewer than the limit when it is filtered',
    tag,
    needs: ['read'],
    query: z.object({
      ...paging,
      promotion: id.exactOptional(),
      notification: name.exactOptional(),
      channel: name.exactOptional(),
      state: deliveryState.exactOptional(),
    }),
    response: pageOf(delivery),
  }),
  showDelivery: route({
    method: 'GET',
    path: '/v1/deliveries/{delivery}',
    summary: 'One message, and what the caller may do with it',
    tag,
    needs: ['read'],
    params: z.object({ delivery: id }),
    response: delivery,
  }),
  retryDelivery: route({
    method: 'POST',
    path: '/v1/deliveries/{delivery}/retry',
    summary: 'Send a message again that was given up, or waits after a failure; it keeps its id',
    tag,
    needs: ['notify'],
    params: z.object({ delivery: id }),
    response: delivery,
    twice: 'what was sent, or is on its way, refuses with 409',
  }),
  testNotification: route({
    method: 'POST',
    path: '/v1/notifications/{notification}/test',
    summary: 'Send a trial to one channel; the answer says where to see how it went',
    tag,
    needs: ['notify'],
    params,
    body: z.strictObject({ channel: name }),
    response: delivery,
    status: 201,
    twice: 'another trial is sent',
  }),
  previewNotification: route({
    method: 'GET',
    path: '/v1/notifications/{notification}/preview',
    summary: 'What a Notification would say, with made-up values; sends nothing',
    tag,
    needs: ['read'],
    params,
    query: z.object({ about: previewed }),
    response: z.object({ subject: z.string(), text: z.string(), html: z.string() }),
  }),
} as const;
