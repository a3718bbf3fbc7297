import type { Digest } from '@headgate/domain';
import { quoted, type Refused, refuse } from '../refusal.ts';
import { dotted } from '../schema/problems.ts';
import type { Trust } from '../trust/trust.ts';
import {
  type BundleRefusal,
  expectStatement,
  type SignedParts,
  statementIn,
  subjectOf,
  verifyBundle,
} from '../trust/verify.ts';
import { placeOfUnkept, UNKEPT } from '../words/unkept.ts';
import { EVIDENCE_FORMATS } from './catalog.ts';
import type { EvidenceFact } from './evidence.ts';

export type EvidenceRefusal = BundleRefusal | Refused<'evidence-format' | 'evidence-malformed'>;

/**
 * Verifies a piece of evidence and reads it; with `subject`, only evidence about exactly that release. Never throws on
 * what comes from outside.
 */
export function openEvidence(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
  subject?: Digest,
): { readonly ok: true; readonly fact: EvidenceFact; readonly signed: SignedParts } | EvidenceRefusal {
  const verified = verifyBundle(bundle, trust, 'evidence');
  if (!verified.ok) return verified;
  const { predicateType, predicate } = verified.statement;
  const format = EVIDENCE_FORMATS.find((candidate) => candidate.predicateType === predicateType);
  if (format === undefined) {
    const known = EVIDENCE_FORMATS.map((candidate) => candidate.predicateType).join(', ');
    return refuse(
      'evidence-format',
      'evidence',
      `expected one of the predicate types ${known}, found ${quoted(predicateType, 200)}`,
      {
        where: 'predicateType',
      },
    );
  }
  // Gates quote it, and what they say is kept. What was taken before is read by `statedIn`.
  const unkept = placeOfUnkept(predicate);
  if (unkept !== undefined) {
    const where = `predicate.${dotted(unkept)}`;
    return refuse('evidence-malformed', 'evidence', `at ${where}: expected ${UNKEPT}`, { where });
  }
  const mismatch = expectStatement(verified, format.predicateType, subject);
  if (mismatch !== undefined) return mismatch;
  const read = format.read(predicate);
  if (!read.ok) return read;
  const { ok: _, ...said } = read;
  return {
    ok: true,
    fact: {
      predicateType,
      subject: subjectOf(verified.statement),
      verified: true,
      keyId: verified.keyId,
      signer: verified.signer.name,
      ...said,
      digest: verified.signed.digest,
      said: verified.signed.said,
    },
    signed: verified.signed,
  };
}

/** What a kept bundle says as evidence, as {@link openEvidence} read it when it was taken up; undefined: it is none. */
export function statedIn(bundle: unknown): Omit<EvidenceFact, 'digest' | 'said' | 'signer'> | undefined {
  const kept = statementIn(bundle);
  if (kept === undefined || kept.statement.subject.length !== 1) return undefined;
  const { predicateType, predicate } = kept.statement;
  const read = EVIDENCE_FORMATS.find((each) => each.predicateType === predicateType)?.read(predicate);
  if (!read?.ok) return undefined;
  const { ok: _, ...said } = read;
  return { predicateType, subject: subjectOf(kept.statement), verified: true, keyId: kept.keyId, ...said };
}
