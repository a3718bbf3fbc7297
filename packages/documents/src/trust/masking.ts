/** The statement of a masked copy: by which rules, how much of it, and what the leak scan found. Never a value of it. */
import type { Digest, Instant } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { MASKING_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { type Statement, statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, verifyBundle } from './verify.ts';

const count = z.int().min(0);
const name = z.string().min(1).max(200);
const predicate = z.strictObject({
  copyOf: z.string().min(1).max(500),
  at: count,
  tables: z
    .array(
      z.strictObject({
        table: name,
        rows: count,
        columns: z.array(z.strictObject({ column: name, mask: name })).max(2_000),
      }),
    )
    .max(10_000),
  foreignKeys: count,
  leakScan: z.strictObject({
    originals: count,
    ambiguous: count,
    tables: count,
    columns: count,
    /** What nobody looked through; absent: an older one doesn't say. */
    unread: z
      .strictObject({ columns: z.array(z.string().min(1).max(400)).max(10_000), largeObjects: count })
      .exactOptional(),
    places: z
      .array(z.strictObject({ table: name, column: name, rows: count, because: z.string().max(300).exactOptional() }))
      .max(10_000),
  }),
});

/** What was done to a copy. */
export type MaskingFacts = Readonly<z.output<typeof predicate>>;

/** "The copy of … was masked by the rules with this digest." */
export function maskingStatement(
  rules: { readonly name: string; readonly digest: Digest },
  facts: MaskingFacts,
): Statement {
  return statementAbout(rules.name, rules.digest, MASKING_PREDICATE, facts);
}

/** The same, signed. */
export function signMasking(
  rules: { readonly name: string; readonly digest: Digest },
  facts: MaskingFacts,
  key: SigningKey,
): SignedBundle {
  return signStatement(maskingStatement(rules, facts), key);
}

export type OpenedMasking =
  | { readonly ok: true; readonly facts: MaskingFacts; readonly keyId: string; readonly at: Instant }
  | BundleRefusal
  | Refused<'masking-malformed'>;

/** Opens a signed statement about the rules with that digest. */
export function openMasking(bundle: unknown, trust: Pick<Trust, 'signers'>, rules: Digest): OpenedMasking {
  const verified = verifyBundle(bundle, trust, 'evidence');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, MASKING_PREDICATE, rules);
  if (mismatch !== undefined) return mismatch;
  const parsed = predicate.safeParse(verified.statement.predicate);
  if (!parsed.success) {
    const where = `predicate.${parsed.error.issues[0]?.path.join('.') ?? ''}`;
    const why = `at ${where}: ${parsed.error.issues[0]?.message}`;
    return refuse('masking-malformed', 'statement of masking', why, { where, unblock: 'mask a fresh copy' });
  }
  return { ok: true, facts: parsed.data, keyId: verified.keyId, at: parsed.data.at };
}
