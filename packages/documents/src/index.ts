/**
 * Headgate's documents: bytes from outside become facts of the domain here, or refusals that name the place.
 */
export * from './canonical.ts';
export * from './digest.ts';
export * from './log/entry.ts';
export * from './log/merkle.ts';
export * from './log/note.ts';
export * from './log/note-key.ts';
export * from './log/proofs.ts';
export * from './log/tree-head.ts';
export * from './log/witness.ts';
export * from './refusal.ts';
