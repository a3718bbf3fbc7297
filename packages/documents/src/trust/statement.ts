import type { Digest } from '@headgate/domain';
import { z } from 'zod';
import { hexOf } from '../digest.ts';
import { STATEMENT_TYPE, STATEMENT_TYPE_V01 } from './predicates.ts';

/** An in-toto v1 statement: something said about subjects that are named by digest. */
export interface Statement {
  readonly _type: typeof STATEMENT_TYPE | typeof STATEMENT_TYPE_V01;
  readonly subject: readonly StatementSubject[];
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

export interface StatementSubject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** Fields that in-toto or a predicate may add later are dropped, as its parsing rules demand. */
export const statementSchema = z.object({
  _type: z.literal([STATEMENT_TYPE, STATEMENT_TYPE_V01]),
  subject: z
    .array(
      z.object({
        name: z.string().max(400).default(''),
        digest: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
      }),
    )
    .min(1)
    .max(64),
  predicateType: z.string().min(1).max(400),
  predicate: z.record(z.string(), z.unknown()),
});

/** A statement about one subject. */
export function statementAbout(
  name: string,
  digest: Digest,
  predicateType: string,
  predicate: Readonly<Record<string, unknown>>,
): Statement {
  return { _type: STATEMENT_TYPE, subject: [{ name, digest: { sha256: hexOf(digest) } }], predicateType, predicate };
}
