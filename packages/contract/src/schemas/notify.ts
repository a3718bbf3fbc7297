import { z } from 'zod';
import { actions, instant, name } from './common.ts';

export const deliveryState = z.enum(['waiting', 'sending', 'sent', 'given-up']);
export const about = z.enum([
  'planned',
  'started',
  'waiting',
  'paused',
  'rolled-back',
  'finished',
  'alarmed',
  'sound',
  'frozen',
  'lifted',
  'adopted',
  'drill-failed',
  'digest',
  'event',
  'test',
]);

/** What a message may be previewed about: an event for machines has no words. */
export const previewed = about.exclude(['event']);

/** One message to one channel. */
export const delivery = z
  .object({
    /** What receivers know it by: the same over all attempts. */
    id: z.string(),
    notification: name,
    channel: name,
    audience: z.string(),
    about,
    urgent: z.boolean(),
    promotion: z.string().nullable(),
    /** Happenings that it holds. */
    count: z.int(),
    state: deliveryState,
    /** Attempts so far, since it was made or tried again by a person. */
    attempt: z.int(),
    /** Why the last attempt failed, or it was given up. */
    why: z.string().nullable(),
    madeAt: instant,
    /** When it is sent, or looked at again; null when it has ended. */
    dueAt: instant.nullable(),
    endedAt: instant.nullable(),
    actions,
  })
  .meta({ id: 'Delivery' });
export type Delivery = z.infer<typeof delivery>;
