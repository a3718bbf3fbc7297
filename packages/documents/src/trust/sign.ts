import { bundleToJSON, type SerializedBundle, toDSSEBundle } from '@sigstore/bundle';
import { dsse } from '@sigstore/core';
import { canonicalBytes } from '../canonical.ts';
import { STATEMENT_PAYLOAD_TYPE } from './predicates.ts';
import type { SigningKey } from './signing-key.ts';
import type { Statement } from './statement.ts';

/**
 * A signed statement as it travels and is stored: a sigstore bundle (v0.3) around a DSSE envelope, with the key's hint
 * in place of a certificate. `cosign verify-blob-attestation --key … --insecure-ignore-tlog` reads it.
 */
export type SignedBundle = SerializedBundle;

/** Signs an in-toto statement's canonical bytes. Nothing leaves the machine: no transparency log, no time-stamp service. */
export function signStatement(statement: Statement, key: SigningKey): SignedBundle {
  const payload = canonicalBytes(statement);
  const signature = key.sign(dsse.preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload));
  const bundle = toDSSEBundle({
    artifact: payload,
    artifactType: STATEMENT_PAYLOAD_TYPE,
    signature,
    keyHint: key.keyId,
  });
  // The hint names the key. A key id in the envelope, too, makes cosign pass over the signature.
  for (const each of bundle.content.dsseEnvelope.signatures) each.keyid = '';
  return bundleToJSON(bundle);
}
