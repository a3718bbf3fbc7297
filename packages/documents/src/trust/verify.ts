/**
 * Verification of signed statements, in this order: bounded size, strict form, a pinned key with the duty, the signature
 * (by @sigstore/verify), the statement's form. What the statement says (predicate type, subject) is the callers' to
 * compare: `expectStatement` does it, because the library doesn't.
 *
 * Log entries and time stamps that a bundle may carry are ignored, not verified: we claim nothing of them, and hold a
 * log of our own.
 */

import type { Digest } from '@headgate/domain';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, Verifier } from '@sigstore/verify';
import { z } from 'zod';
import { NotCanonical } from '../canonical.ts';
import { digestOf, digestOfJson, hexOf } from '../digest.ts';
import { quoted, type Refused, refuse } from '../refusal.ts';
import { STATEMENT_PAYLOAD_TYPE } from './predicates.ts';
import { type Statement, statementSchema } from './statement.ts';
import type { Duty, Trust, TrustedSigner } from './trust.ts';
import { twinOf } from './twin-signature.ts';

/** Largest bundle, in bytes of JSON. */
export const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;

export interface VerifiedStatement {
  readonly ok: true;
  readonly statement: Statement;
  readonly signer: TrustedSigner;
  readonly keyId: string;
  /** Digest of the bundle's canonical JSON: the name of its bytes. It covers what nobody signed, so many name one statement. */
  readonly digest: Digest;
  readonly signed: SignedParts;
}

/** A bundle without what nobody signed: whoever sends it may write that as he likes, and it says nothing. */
export interface SignedParts {
  /** As our own signer writes it. */
  readonly bundle: unknown;
  /** Of `bundle`: the name that the statement is kept by. */
  readonly digest: Digest;
  /** Of the payload and the key alone: two with the same one are one statement, however often it was signed. */
  readonly said: Digest;
  /** Other names that a bundle with this signature may be kept by since before. */
  readonly also: readonly Digest[];
}

export type BundleRefusal = Refused<
  | 'bundle-too-large'
  | 'bundle-malformed'
  | 'key-unknown'
  | 'key-not-allowed'
  | 'signature-invalid'
  | 'statement-malformed'
  | 'wrong-predicate'
  | 'wrong-subject'
>;

const base64 = z
  .string()
  .refine((text) => Buffer.from(text, 'base64').toString('base64') === text, 'not well-formed base64');

/**
 * Stricter than the library: one spelling for everything that counts. What isn't signed (log entries, time stamps, the
 * envelope's key id) may still differ, and of an ECDSA signature there are two: {@link SignedParts} are told apart without it.
 */
const bundleSchema = z.strictObject({
  mediaType: z.literal('application/vnd.dev.sigstore.bundle.v0.3+json'),
  verificationMaterial: z.strictObject({
    publicKey: z.strictObject({ hint: z.string().min(1).max(200) }),
    tlogEntries: z.array(z.unknown()).max(16).optional(),
    timestampVerificationData: z.unknown().optional(),
  }),
  dsseEnvelope: z.strictObject({
    payload: base64,
    payloadType: z.literal(STATEMENT_PAYLOAD_TYPE),
    signatures: z.tuple([z.strictObject({ sig: base64, keyid: z.string().max(200).optional() })]),
  }),
});

/** What agents sign, and how whoever keeps a trust file gets its entry. */
const OF_AGENT: Partial<Readonly<Record<Duty, string>>> = {
  'restore-point':
    ' (a server’s is trust.yaml in its data folder); on its agent’s machine headgate-agent restore-points key --config FILE --entry prints the entry',
};

/**
 * Verifies a bundle (JSON text, its bytes, or the parsed value) against pinned keys that have the duty. Never throws on
 * what comes from outside.
 */
export function verifyBundle(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
  duty: Duty,
): VerifiedStatement | BundleRefusal {
  const read = readBundle(bundle);
  if (!read.ok) return read;
  const { hint } = read.bundle.verificationMaterial.publicKey;
  const signer = trust.signers.find((candidate) => candidate.keyId === hint);
  if (signer === undefined) {
    return refuse('key-unknown', 'signed bundle', `the key ${quoted(hint)} is not in the trust file`, {
      where: '/verificationMaterial/publicKey/hint',
      unblock: `sign with a trusted key, or have a person add this key (may: [${duty}]) to the trust file of whoever reads this${OF_AGENT[duty] ?? ''}`,
    });
  }
  if (!signer.may.includes(duty)) {
    return refuse(
      'key-not-allowed',
      'signed bundle',
      `the key ${quoted(signer.name)} may sign ${signer.may.join(', ')}, not ${duty}`,
      {
        where: '/verificationMaterial/publicKey/hint',
        unblock: `sign with a key that the trust file lists for ${duty}`,
      },
    );
  }
  if (!isSigned(read.bundle, signer)) {
    return refuse(
      'signature-invalid',
      'signed bundle',
      `the signature by the key ${quoted(signer.name)} does not verify`,
      {
        where: '/dsseEnvelope/signatures/0/sig',
        unblock: 'fetch the bundle again from its source; if it is the same there, it was tampered with',
      },
    );
  }
  const statement = readStatement(read.bundle.dsseEnvelope.payload);
  if (!statement.ok) return statement;
  const signed = signedParts(read.bundle, signer.keyId, read.digest);
  const { keyId } = signer;
  return { ok: true, statement: statement.statement, signer, keyId, digest: read.digest, signed };
}

/**
 * What a bundle says that was verified before it was kept by its digest; undefined: it is none. Whoever signed it isn't asked
 * again, for keys come and go.
 */
export function statementIn(bundle: unknown): { readonly statement: Statement; readonly keyId: string } | undefined {
  const read = readBundle(bundle);
  const statement = read.ok ? readStatement(read.bundle.dsseEnvelope.payload) : undefined;
  if (!read.ok || !statement?.ok) return undefined;
  return { statement: statement.statement, keyId: read.bundle.verificationMaterial.publicKey.hint };
}

/** Compares what the library doesn't: the predicate type and, if given, that the one subject has this digest. */
export function expectStatement(
  verified: VerifiedStatement,
  predicateType: string,
  subject?: Digest,
): BundleRefusal | undefined {
  const { statement } = verified;
  if (statement.predicateType !== predicateType) {
    return refuse(
      'wrong-predicate',
      'signed statement',
      `expected predicate type ${predicateType}, found ${quoted(statement.predicateType, 200)}`,
      {
        where: 'predicateType',
      },
    );
  }
  if (statement.subject.length !== 1) {
    return refuse('wrong-subject', 'signed statement', `expected one subject, found ${statement.subject.length}`, {
      where: 'subject',
    });
  }
  const found = statement.subject[0]!.digest.sha256;
  if (subject !== undefined && found !== hexOf(subject)) {
    return refuse(
      'wrong-subject',
      'signed statement',
      `expected it to be about ${subject}, it is about sha256:${found}`,
      {
        where: 'subject[0].digest.sha256',
      },
    );
  }
  return undefined;
}

/** The one subject's digest, of a statement that {@link expectStatement} found to have one. */
export function subjectOf(statement: Statement): Digest {
  return `sha256:${statement.subject[0]!.digest.sha256}`;
}

function signedParts(
  { mediaType, verificationMaterial, dsseEnvelope }: ReadBundle,
  keyId: string,
  given: Digest,
): SignedParts {
  const { payload, payloadType, signatures } = dsseEnvelope;
  const { hint } = verificationMaterial.publicKey;
  const [{ sig }] = signatures;
  const by = (each: string) => ({
    mediaType,
    verificationMaterial: { publicKey: { hint }, timestampVerificationData: {} },
    dsseEnvelope: { payload, payloadType, signatures: [{ sig: each }] },
  });
  const bundle = by(sig);
  return {
    bundle,
    digest: digestOfJson(bundle),
    // The signed bytes are the payload and its type, and there is one type.
    said: digestOfJson({ keyId, payload: digestOf(Buffer.from(payload, 'base64')) }),
    also: [given, ...twinOf(sig).map((twin) => digestOfJson(by(twin)))],
  };
}

type ReadBundle = z.infer<typeof bundleSchema>;

function readBundle(input: unknown): { ok: true; bundle: ReadBundle; digest: Digest } | BundleRefusal {
  let value = input;
  if (typeof input === 'string' || input instanceof Uint8Array) {
    if (input.length > MAX_BUNDLE_BYTES) {
      return refuse(
        'bundle-too-large',
        'signed bundle',
        `it has ${input.length} bytes, at most ${MAX_BUNDLE_BYTES} are read`,
      );
    }
    try {
      value = JSON.parse(typeof input === 'string' ? input : utf8(input));
    } catch {
      return refuse('bundle-malformed', 'signed bundle', 'it is not JSON');
    }
  }
  const parsed = bundleSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = `/${(issue?.path ?? []).map(String).join('/')}`;
    return refuse('bundle-malformed', 'signed bundle', `at ${where}: ${issue?.message ?? 'unknown form'}`, {
      where,
      unblock: 'expected a sigstore bundle v0.3 with a DSSE envelope, one signature and a public-key hint',
    });
  }
  const { data } = parsed;
  const keyid = data.dsseEnvelope.signatures[0].keyid ?? '';
  if (keyid !== '' && keyid !== data.verificationMaterial.publicKey.hint) {
    return refuse('bundle-malformed', 'signed bundle', "the envelope's key id and the bundle's hint differ", {
      where: '/dsseEnvelope/signatures/0/keyid',
    });
  }
  try {
    return { ok: true, bundle: data, digest: digestOfJson(data) };
  } catch (error) {
    if (error instanceof NotCanonical)
      return refuse('bundle-malformed', 'signed bundle', error.message, { where: error.pointer });
    throw error;
  }
}

function isSigned(bundle: ReadBundle, signer: TrustedSigner): boolean {
  const verifier = new Verifier(
    {
      certificateAuthorities: [],
      timestampAuthorities: [],
      tlogs: [],
      ctlogs: [],
      publicKey: () => ({ publicKey: signer.publicKey, validFor: () => true }),
    },
    { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 },
  );
  const { publicKey } = bundle.verificationMaterial;
  try {
    const entity = toSignedEntity(bundleFromJSON({ ...bundle, verificationMaterial: { publicKey, tlogEntries: [] } }));
    verifier.verify(entity);
    return true;
  } catch {
    // The library throws for every refusal, and Node's crypto for malformed signatures: all of it means "not signed".
    return false;
  }
}

/** Throws for bytes that are no UTF-8: two different payloads must not read as one. */
function utf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

function readStatement(payload: string): { ok: true; statement: Statement } | BundleRefusal {
  const wrong = (why: string, where = '') => refuse('statement-malformed', 'signed statement', why, { where });
  let value: unknown;
  try {
    value = JSON.parse(utf8(Buffer.from(payload, 'base64')));
  } catch {
    return wrong('it is not JSON');
  }
  const parsed = statementSchema.safeParse(value);
  if (parsed.success) return { ok: true, statement: parsed.data };
  const issue = parsed.error.issues[0];
  const where = (issue?.path ?? []).map(String).join('.');
  return wrong(`at ${where}: ${issue?.message ?? 'unknown form'}`, where);
}
