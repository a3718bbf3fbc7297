import { z } from 'zod';

/** What was refused, where, why, and what would unblock it. `code` is stable, for programs. */
export const refusal = z
  .object({ code: z.string(), what: z.string(), where: z.string(), why: z.string(), unblock: z.string() })
  .meta({ id: 'Refusal' });
export type Refusal = z.infer<typeof refusal>;

/** RFC 9457 problem details with our refusals. `type` is a name below `/problems/`, nothing is fetched from there. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    /** The request's path. */
    instance: z.string(),
    /** Stands in the server's own log lines, too. */
    requestId: z.string().exactOptional(),
    refusals: z.array(refusal),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problem>;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';
