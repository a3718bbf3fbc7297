/**
 * Backups of what a disaster recovery needs beside the stores: Git repositories that hold configuration, and Terraform's state.
 * An agent takes them by schedule into its vault, sealed as restore points are (`../vault`), and brings each back in a drill:
 *
 *   asked ──▶ taken into a folder ──▶ sealed, read back ──▶ (each k-th) brought back and compared ──▶ older ones removed
 *
 * `take-git.ts` makes one bundle of all refs out of a mirror that is thrown away, and `git-runs.ts` is how git is run at all: the
 * source is nobody's to trust, so nothing of it runs. `take-state.ts` reads a state and tells how much is in it, never what.
 * Whatever fails throws a `BackupTrouble` in words; nothing that was good before is touched.
 */
export * from './backup-config.ts';
export * from './backup-contents.ts';
export type { BackupParts } from './backup-parts.ts';
export * from './backup-vault.ts';
export * from './bring-back.ts';
export * from './take-backup.ts';
export * from './trouble.ts';
