/**
 * The manifest of a restore point in a vault, as a signed statement: whose it is, what it was taken for, of which moment, and
 * every part with size and SHA-256, in order. Its subject is the restore point's own manifest, whose digest the log knows; that
 * one names every file, and lies in the vault as the part `contents`.
 */
import type { Digest, RestorePoint } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { SEALED_POINT_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, subjectOf, verifyBundle } from './verify.ts';

/** So many parts at most: a larger restore point has larger parts. */
export const MAX_PARTS = 4_096;

const count = z.int().min(0);
const name = z.string().min(1).max(200);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One part of what lies sealed in a vault. */
export const sealedPart = z.strictObject({
  /** Names the object. The order of the list is the order of the content. */
  name: z.string().regex(/^(contents|(database|files)-[0-9]{5})$/),
  kind: z.enum(['contents', 'database', 'files']),
  /** Bytes as they lie in the vault, encrypted. */
  size: count,
  sha256,
  /** Bytes before encryption. */
  plainSize: count,
});
export type SealedPart = Readonly<z.output<typeof sealedPart>>;

const predicate = z.strictObject({
  v: z.literal(1),
  id: z.string().regex(/^rp-[0-9a-z-]{1,60}$/),
  environment: name,
  application: name,
  cell: name,
  store: name,
  /** Pseudonyms of those who live in the store. */
  tenants: z.array(name).max(20_000),
  /** Of the control plane, when it was taken. */
  epoch: count,
  takenAt: count,
  sealedAt: count,
  takenFor: z.strictObject({
    rollout: name,
    step: name,
    /** The release that the step's plan promotes. */
    release: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/)
      .exactOptional(),
  }),
  schemaVersion: count,
  database: z.strictObject({
    form: z.enum(['physical', 'dump']),
    /** PostgreSQL's major version. */
    major: z.int().min(1).max(999),
    tool: z.strictObject({ name, version: name }),
    /** Where the copy begins and where it is consistent; a dump is of one moment that is not before `start`. */
    lsn: z.strictObject({ start: name, stop: name.exactOptional() }).exactOptional(),
    systemIdentifier: name.exactOptional(),
    /** The timeline of its moment; restore points of before don't say it, and no log goes on from them. */
    timeline: z.int().min(1).max(0xffff_ffff).exactOptional(),
  }),
  files: count,
  bytes: count,
  recipients: z.array(name).min(1).max(20),
  contents: sealedPart,
  parts: z.array(sealedPart).max(MAX_PARTS),
});

/** What the manifest says. */
export type SealedPoint = Readonly<z.output<typeof predicate>>;

/** Whose restore point somebody wants: anything else is another one's. */
export type PointIdentity = Pick<SealedPoint, 'environment' | 'cell' | 'store' | 'id'>;

/** Signs it. `manifest` is the digest of the restore point's own manifest. */
export function signSealedPoint(sealed: SealedPoint, manifest: Digest, key: SigningKey): SignedBundle {
  return signStatement(statementAbout(sealed.id, manifest, SEALED_POINT_PREDICATE, sealed), key);
}

export type OpenedSealedPoint =
  | {
      readonly ok: true;
      readonly sealed: SealedPoint;
      /** Digest of the restore point's own manifest. */
      readonly manifest: Digest;
      readonly keyId: string;
      /** Who signed, as the trust file calls the key. */
      readonly signer: string;
    }
  | BundleRefusal
  | Refused<'sealed-point-malformed' | 'another-point'>;

/** Opens a manifest; only one of exactly that restore point, signed by a key with the duty `restore-point`. */
export function openSealedPoint(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
  expected: PointIdentity,
): OpenedSealedPoint {
  const verified = verifyBundle(bundle, trust, 'restore-point');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, SEALED_POINT_PREDICATE);
  if (mismatch !== undefined) return mismatch;
  const what = 'manifest of a sealed restore point';
  const parsed = predicate.safeParse(verified.statement.predicate);
  if (!parsed.success) {
    const where = `predicate.${parsed.error.issues[0]?.path.join('.') ?? ''}`;
    return refuse('sealed-point-malformed', what, `at ${where}: ${parsed.error.issues[0]?.message}`, { where });
  }
  const sealed = parsed.data;
  for (const field of ['environment', 'cell', 'store', 'id'] as const)
    if (sealed[field] !== expected[field])
      return refuse('another-point', what, `it is of the ${WORDS[field]} ${sealed[field]}, not of ${expected[field]}`, {
        where: `predicate.${field}`,
        unblock:
          'name the restore point as it was sealed; if nobody renamed it, somebody put it in another one’s place',
      });
  const twice = [sealed.contents, ...sealed.parts].find(
    (each, i, all) => all.findIndex((p) => p.name === each.name) < i,
  );
  if (twice !== undefined) return refuse('sealed-point-malformed', what, `it names the part ${twice.name} twice`);
  return {
    ok: true,
    sealed,
    manifest: subjectOf(verified.statement),
    keyId: verified.keyId,
    signer: verified.signer.name,
  };
}

const WORDS = { environment: 'environment', cell: 'cell', store: 'store', id: 'restore point' } as const;

/** What is told about it where restore points are told of. */
export function pointOfSealed(sealed: SealedPoint, manifest: Digest): RestorePoint {
  const { id, store, takenAt, bytes } = sealed;
  return { id, store, takenAt, manifest, bytes, verified: true };
}
