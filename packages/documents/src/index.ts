/**
 * Headgate's documents: bytes from outside become facts of the domain here, or refusals that name the place.
 */
export * from './canonical.ts';
export * from './digest.ts';
export * from './evidence/catalog.ts';
export * from './evidence/evidence.ts';
export * from './evidence/junit.ts';
export * from './evidence/open-evidence.ts';
export * from './evidence/test-result.ts';
export * from './log/entry.ts';
export * from './log/merkle.ts';
export * from './log/note.ts';
export * from './log/note-key.ts';
export * from './log/proofs.ts';
export * from './log/tree-head.ts';
export * from './log/witness.ts';
export * from './refusal.ts';
export * from './schema/problems.ts';
export * from './trust/approval.ts';
export * from './trust/manifest.ts';
export * from './trust/predicates.ts';
export * from './trust/release.ts';
export * from './trust/sign.ts';
export * from './trust/signing-key.ts';
export * from './trust/statement.ts';
export * from './trust/trust.ts';
export * from './trust/verify.ts';
