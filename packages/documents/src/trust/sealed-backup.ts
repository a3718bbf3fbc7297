/**
 * The manifest of a backup in a vault that isn't a store's: of a Git repository or of Terraform's state, as a signed statement:
 * whose it is, of which moment, every part with size and SHA-256, in order, and as much of what it holds as may stand in the
 * open. Its subject is the backup's own manifest, which names every ref or count, and lies in the vault as the part `contents`.
 */
import type { Digest } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { SEALED_BACKUP_PREDICATE } from './predicates.ts';
import { MAX_PARTS, sealedPart } from './sealed-point.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, subjectOf, verifyBundle } from './verify.ts';

/** The name of a backup in its vault. */
export const BACKUP_ID = /^bk-[0-9a-z-]{1,60}$/;

const count = z.int().min(0);
const name = z.string().min(1).max(200);

const predicate = z.strictObject({
  v: z.literal(1),
  id: z.string().regex(BACKUP_ID),
  /** Who took it, as the server knows the agent. */
  agent: name,
  /** As the agent's configuration calls it. */
  backup: name,
  takenAt: count,
  sealedAt: count,
  holds: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('git'),
      refs: count,
      commits: count,
      /** SHA-256 over HEAD and all refs with what they name: whether the source has moved needs no identity. */
      refsSha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
    z.strictObject({
      kind: z.literal('terraform'),
      version: count,
      lineage: name,
      serial: count,
      resources: count,
    }),
  ]),
  files: count,
  bytes: count,
  recipients: z.array(name).min(1).max(20),
  contents: sealedPart,
  parts: z.array(sealedPart).max(MAX_PARTS),
});

/** What the manifest says. */
export type SealedBackup = Readonly<z.output<typeof predicate>>;

/** Whose backup somebody wants: anything else is another one's. */
export type BackupIdentity = Pick<SealedBackup, 'agent' | 'backup' | 'id'>;

/** Signs it. `manifest` is the digest of the backup's own manifest. */
export function signSealedBackup(sealed: SealedBackup, manifest: Digest, key: SigningKey): SignedBundle {
  return signStatement(statementAbout(sealed.id, manifest, SEALED_BACKUP_PREDICATE, sealed), key);
}

export type OpenedSealedBackup =
  | {
      readonly ok: true;
      readonly sealed: SealedBackup;
      /** Digest of the backup's own manifest. */
      readonly manifest: Digest;
      /** Who signed, as the trust file calls the key. */
      readonly signer: string;
    }
  | BundleRefusal
  | Refused<'sealed-backup-malformed' | 'another-backup'>;

/** Opens a manifest; only one of exactly that backup, signed by a key with the duty `restore-point`. */
export function openSealedBackup(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
  expected: BackupIdentity,
): OpenedSealedBackup {
  const verified = verifyBundle(bundle, trust, 'restore-point');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, SEALED_BACKUP_PREDICATE);
  if (mismatch !== undefined) return mismatch;
  const what = 'manifest of a sealed backup';
  const parsed = predicate.safeParse(verified.statement.predicate);
  if (!parsed.success) {
    const where = `predicate.${parsed.error.issues[0]?.path.join('.') ?? ''}`;
    return refuse('sealed-backup-malformed', what, `at ${where}: ${parsed.error.issues[0]?.message}`, { where });
  }
  const sealed = parsed.data;
  for (const field of ['agent', 'backup', 'id'] as const)
    if (sealed[field] !== expected[field])
      return refuse('another-backup', what, `it is of ${sealed[field]}, not of ${expected[field]}`, {
        where: `predicate.${field}`,
        unblock: 'name the backup as it was sealed; if nobody renamed it, somebody put it in another one’s place',
      });
  const all = [sealed.contents, ...sealed.parts].map((part) => part.name);
  const twice = all.find((each, i) => all.indexOf(each) < i);
  if (twice !== undefined) return refuse('sealed-backup-malformed', what, `it names the part ${twice} twice`);
  const manifest = subjectOf(verified.statement);
  return { ok: true, sealed, manifest, signer: verified.signer.name };
}
