import { z } from 'zod';
import { actions, instant, name, principalId, releaseRef } from './common.ts';

/** `all`, an environment, or `application:<name>`. */
export const freezeScope = z
  .string()
  .regex(
    /^(application:)?(?!constructor$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'expected all, an environment, or application:<name>',
  );

export const freeze = z
  .object({
    scope: z.string(),
    name: z.string(),
    from: instant,
    /** Null: until somebody lifts it. */
    to: instant.nullable(),
    reason: z.string(),
    /** Who declared it; absent for older ones. */
    by: principalId.exactOptional(),
  })
  .meta({ id: 'Freeze', description: '`scope` is `all`, an environment, or `application:<name>`' });
export type Freeze = z.infer<typeof freeze>;

/** What a freeze stops, and what it doesn't. */
export const freezeEffect = z
  .object({
    /** Promotions in its scope, those that it stops first. */
    stops: z.array(
      z.object({
        promotion: z.string(),
        application: name,
        environment: name,
        release: releaseRef,
        stands: z.enum(['stopped', 'waits', 'goes-back']),
        words: z.string(),
        /** Steps at work, which end all the same. */
        running: z.array(
          z.object({
            cell: name,
            step: z.string(),
            text: z.string(),
            agent: z.string(),
            course: z.enum(['forward', 'undo']),
          }),
        ),
        held: z.int(),
      }),
    ),
    /** Steps at work in all. */
    running: z.int(),
    /** In one sentence. */
    summary: z.string(),
    truncated: z.boolean(),
  })
  .meta({ id: 'FreezeEffect' });
export type FreezeEffect = z.infer<typeof freezeEffect>;

export const freezeList = z.object({ items: z.array(freeze), actions });
