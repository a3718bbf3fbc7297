/**
 * Headgate's documents: bytes from outside become facts of the domain here, or refusals that name the place. Everything
 * that is hashed, signed or declared by people passes through this package, and nothing else parses it a second time.
 *
 * - `canonical.ts`, `digest.ts`: one value, one text, one digest (RFC 8785, SHA-256). The root of all naming.
 * - `log/`: the transparency log's maths. An entry's bytes and leaf, the Merkle tree and its proofs (RFC 9162), signed
 *   and co-signed tree heads (C2SP), what a witness and an auditor demand. Fixed by `docs/log-format.md`.
 * - `trust/`: whom to believe, as a person pinned it in a trust file; releases and approvals as signed statements
 *   (in-toto in DSSE in a sigstore bundle, with local keys and no network); strict manifests.
 * - `backups/`: how scheduled backups stand, Headgate's own and an agent's; what a Terraform state is.
 * - `evidence/`: signed statements about a release's digest, one file a format and a catalog.
 * - `gates/`: gates in words, for whoever lists them in a policy.
 * - `kinds/`: what people declare in YAML, one file a kind and a catalog; the references between them; and how they map to
 *   the plain facts that the domain takes. Their JSON Schemas are checked in under `schemas/`.
 * - `words/`: what messages to people say, with every value escaped for where it will stand.
 * - `yaml/`, `schema/`: reading with places, and complaints that say what was expected.
 *
 * Three rules hold throughout. Input is bounded before it is parsed, and nothing from outside makes a reader throw: it
 * answers `{ok: true, …}` or says no (`Refused`, `DocumentProblem`). Signatures are verified before what they cover is
 * believed, and what a statement is about is always compared by the one who asks. And there is one spelling of
 * everything that has an identity: what would mean the same in other bytes is refused.
 */

export * from './backups/backup-standing.ts';
export * from './backups/backup-status.ts';
export * from './backups/terraform-state.ts';
export * from './canonical.ts';
export * from './digest.ts';
export { type AnalysisContent, analysisStatement } from './evidence/analysis.ts';
export * from './evidence/catalog.ts';
export * from './evidence/evidence.ts';
export * from './evidence/junit.ts';
export * from './evidence/open-evidence.ts';
export { rehearsalStatement } from './evidence/rehearsal.ts';
export {
  type RehearsedTraffic,
  type RehearsedWith,
  type RollbackRehearsalFacts,
  type RollbackRehearsalResult,
  readRollbackRehearsal,
  rollbackRehearsalStatement,
  type TurningPoint,
  turningPointOf,
} from './evidence/rollback-rehearsal.ts';
export * from './evidence/test-result.ts';
export * from './gates/gate-words.ts';
export type * from './kinds/application.ts';
export type * from './kinds/calendar.ts';
export * from './kinds/catalog.ts';
export type * from './kinds/cell.ts';
export * from './kinds/document.ts';
export type * from './kinds/environment.ts';
export * from './kinds/expressions.ts';
export * from './kinds/links.ts';
export type * from './kinds/masking.ts';
export type * from './kinds/notification.ts';
export * from './kinds/parse-documents.ts';
export type * from './kinds/policy.ts';
export type * from './kinds/reconciliation.ts';
export * from './kinds/schemas.ts';
export type * from './kinds/tenant.ts';
export type * from './kinds/tenant-rows.ts';
export * from './kinds/to-domain.ts';
export type * from './kinds/verification.ts';
export { checkWaivers } from './kinds/waivers.ts';
export * from './log/entry.ts';
export * from './log/entry-checks.ts';
export * from './log/export-tiles.ts';
export * from './log/export-verdict.ts';
export type { ExportFiles } from './log/export-walk.ts';
export * from './log/merkle.ts';
export * from './log/note.ts';
export * from './log/note-key.ts';
export * from './log/proofs.ts';
export * from './log/tiles.ts';
export * from './log/tree-head.ts';
export * from './log/verify-export.ts';
export * from './log/witness.ts';
export * from './refusal.ts';
export * from './schema/problems.ts';
export * from './service/index.ts';
export * from './trust/approval.ts';
export * from './trust/compensation-approval.ts';
export * from './trust/compensation-plan.ts';
export * from './trust/manifest.ts';
export * from './trust/masking.ts';
export * from './trust/predicates.ts';
export * from './trust/rebuild-exercise.ts';
export * from './trust/reconciled.ts';
export * from './trust/release.ts';
export * from './trust/restoration.ts';
export * from './trust/restore-drill.ts';
export * from './trust/sealed-backup.ts';
export * from './trust/sealed-point.ts';
export * from './trust/sealed-wal.ts';
export * from './trust/sign.ts';
export * from './trust/signing-key.ts';
export * from './trust/statement.ts';
export * from './trust/tenant-difference.ts';
export * from './trust/tenant-difference-approval.ts';
export * from './trust/tenant-difference-file.ts';
export * from './trust/tenant-recovered.ts';
export * from './trust/trust.ts';
export * from './trust/trust-file.ts';
export * from './trust/verify.ts';
export * from './yaml/read-yaml.ts';
export { documentYaml } from './yaml/write-yaml.ts';
