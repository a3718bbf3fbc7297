/** Sealing a release (manifest, identity, signature) and opening it again on the other side. */
import type { Digest, Instant, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import { z } from 'zod';
import { digestOf } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { checkManifest, type ManifestRefusal, readManifest } from './manifest.ts';
import { RELEASE_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, verifyBundle } from './verify.ts';

export interface SealedRelease {
  readonly ok: true;
  /** The manifest's canonical bytes: store and send these. */
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly bundle: SignedBundle;
}

export interface OpenedRelease {
  readonly ok: true;
  readonly manifest: ReleaseManifest;
  readonly ref: ReleaseRef;
  readonly keyId: string;
  /** The signer's name in the trust file. */
  readonly signer: string;
  /** What the signer's clock said. */
  readonly createdAt: Instant;
}

export type ReleaseRefusal = BundleRefusal | ManifestRefusal | Refused<'predicate-malformed'>;

const predicateSchema = z.strictObject({
  application: z.string(),
  version: z.string(),
  manifest: z.string(),
  origin: z.enum(['built', 'adopted']),
  createdAt: z.iso.datetime(),
});

/** Checks and signs a manifest. `createdAt` in milliseconds since 1970. */
export function sealRelease(manifest: unknown, key: SigningKey, createdAt: Instant): SealedRelease | ManifestRefusal {
  const checked = checkManifest(manifest);
  if (!checked.ok) return checked;
  const { application, version, origin } = checked.manifest;
  const predicate = {
    application,
    version,
    manifest: checked.digest,
    origin,
    createdAt: new Date(createdAt).toISOString(),
  };
  const statement = statementAbout(`${application}@${version}`, checked.digest, RELEASE_PREDICATE, predicate);
  return { ok: true, bytes: checked.bytes, digest: checked.digest, bundle: signStatement(statement, key) };
}

/**
 * Verifies that these bytes are a release that a trusted key sealed, and reads it. The signature and the digest come
 * first: nothing of the manifest is believed, or even parsed, before.
 */
export function openRelease(
  manifestBytes: Uint8Array,
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
): OpenedRelease | ReleaseRefusal {
  const verified = verifyBundle(bundle, trust, 'release');
  if (!verified.ok) return verified;
  const digest = digestOf(manifestBytes);
  const mismatch = expectStatement(verified, RELEASE_PREDICATE, digest);
  if (mismatch !== undefined) return mismatch;
  const read = readManifest(manifestBytes);
  if (!read.ok) return read;
  const { manifest } = read;
  const predicate = predicateSchema.safeParse(verified.statement.predicate);
  if (!predicate.success) {
    const where = `predicate.${predicate.error.issues[0]?.path.join('.') ?? ''}`;
    return refuse('predicate-malformed', 'release statement', `at ${where}: ${predicate.error.issues[0]?.message}`, {
      where,
    });
  }
  const said = predicate.data;
  const name = `${manifest.application}@${manifest.version}`;
  if (
    verified.statement.subject[0]!.name !== name ||
    said.manifest !== digest ||
    said.application !== manifest.application ||
    said.version !== manifest.version ||
    said.origin !== manifest.origin
  ) {
    return refuse(
      'predicate-malformed',
      'release statement',
      `the statement and the manifest of ${name} contradict each other`,
      { where: 'predicate' },
    );
  }
  return {
    ok: true,
    manifest,
    ref: { digest, version: manifest.version },
    keyId: verified.keyId,
    signer: verified.signer.name,
    createdAt: Date.parse(said.createdAt),
  };
}
