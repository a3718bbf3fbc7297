import { z } from 'zod';
import { instant, principalId } from './common.ts';

const base64 = z.base64();

export const placedEntry = z
  .object({
    place: z.int().min(0),
    /** The stored bytes, base64: what the leaf is made of. */
    bytes: base64,
    /** What it says, in one line for people; only where asked for. Nothing of it is signed: the bytes are. */
    words: z.string().exactOptional(),
  })
  .meta({ id: 'PlacedEntry' });

/** The data of one server-sent event; its id is the entry's place, its event name the entry's type. */
export const logEvent = z
  .object({
    v: z.literal(1),
    stream: z.string(),
    version: z.int(),
    type: z.string(),
    at: instant,
    by: principalId,
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'LogEvent' });
export type LogEvent = z.infer<typeof logEvent>;

export const consistency = z.object({ from: z.int(), to: z.int(), proof: z.array(base64) });
export const inclusion = z.object({ place: z.int(), size: z.int(), leaf: base64, proof: z.array(base64) });

/** What a page of the audit found; `next` is the cursor of the following page, null at the end. */
export const auditedRows = z
  .object({
    checked: z.int().min(0),
    differences: z.array(z.object({ stream: z.string(), field: z.string(), why: z.string() })),
    /** What no entry says, so that the audit can't tell; absent: an older server doesn't say. */
    unchecked: z.array(z.object({ stream: z.string(), why: z.string() })).exactOptional(),
    next: z.string().nullable(),
  })
  .meta({ id: 'AuditedRows' });
