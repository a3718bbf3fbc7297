import { z } from 'zod';

/** `sha256:` and 64 lower-case hexadecimal digits. */
export const digest = z
  .templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)])
  .meta({ id: 'Digest', description: 'SHA-256 of the thing’s bytes, or of its canonical JSON (RFC 8785)' });

/** RFC 1123 label: what applications, environments, cells, slots, stores, tenants and rings are named. */
export const name = z
  .string()
  .regex(/^(?!constructor$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a name: a-z, 0-9 and -');

/** Last millisecond that a date can say (ECMA-262, 21.4.1.1). */
export const LAST_INSTANT = 8_640_000_000_000_000;

/** Milliseconds since the Unix epoch, by the control plane's one clock: its database's. */
export const instant = z
  .int()
  .min(0)
  .max(LAST_INSTANT)
  .meta({ id: 'Instant', description: 'Milliseconds since 1970-01-01T00:00:00Z' });

/** A pseudonymous principal, as authors and entries name it: never a person's name. */
export const principalId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,99}$/, 'expected a principal id: 1 to 100 letters, digits, _ . : @ -');
/** A local principal's id; without dots, because a token is `<id>.<secret>`. */
export const localPrincipalId = z
  .string()
  .regex(
    /^(?!(sys|nobody)$)[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
    'expected a principal id: 1 to 63 letters, digits, _ -; sys and nobody are the server’s own',
  );

/** Ids that the server makes: `prm_…`, and rollouts `prm_….cell`. */
export const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/, 'expected an id');

/** A person's words that go on the log. */
export const reason = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text.replace(/[\n\t]/g, '')), {
    error: 'expected a text without control characters',
  });

/** A release's version as manifests write it. */
const version = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/, 'expected a version: letters, digits, . + _ -');

export const releaseRef = z.object({ digest, version }).meta({ id: 'ReleaseRef' });

export const allowed = z.object({ allowed: z.boolean(), because: z.string() });
/** What the caller may do with a resource now, and why not: faces ask here, they never derive a rule. */
export const actions = z.record(z.string(), allowed).meta({ id: 'Actions' });

/** Page of a list. `next` is the cursor of the following page, null at the end. */
export const paging = {
  cursor: z.string().max(400).exactOptional(),
  limit: z.coerce.number().int().min(1).max(200).exactOptional(),
  /** By name or id; of promotions and releases by when they were made. */
  order: z.enum(['asc', 'desc']).exactOptional(),
};

/** A search by how names begin. */
export const prefix = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/, 'expected how a name begins')
  .exactOptional();

export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}
