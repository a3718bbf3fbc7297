import { stat } from 'node:fs/promises';
import type {
  Trust,
  TrustedDrill,
  TrustedEvidence,
  TrustedReconciled,
  TrustedRelease,
  TrustedRestoration,
} from '@headgate/control';
import {
  type Trust as Keys,
  loadTrust,
  openApproval,
  openDrill,
  openEvidence,
  openReconciled,
  openRelease,
  openRestoration,
  type SignedApproval,
  type TestRun,
} from '@headgate/documents';
import type { Digest, EvidenceFact } from '@headgate/domain';
import type { Logger } from 'pino';

/** What of a test run counts for gates. */
export function countsOf({ passed, failed, skipped, exitCode }: TestRun): NonNullable<EvidenceFact['result']> {
  return { passed, failed, skipped, exitCode };
}

type Refused = Extract<TrustedRelease, { ok: false }>;

/**
 * The server's own trust: whose releases and evidence it registers. Read from a file, and again when that changes; while
 * there is none, or a broken one, everything is refused. (Agents hold a trust of their own, whatever this one says.)
 */
export class FileTrust implements Trust {
  readonly #file: string;
  readonly #log: Logger;
  #seen = '';
  #keys: Keys | undefined;
  #why: string;

  constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
    this.#why = `there is no trust file ${file}`;
  }

  /** Reads the file if it changed. */
  async refresh(): Promise<void> {
    const facts = await stat(this.#file).catch(() => undefined);
    const seen = facts === undefined ? '' : `${facts.ino} ${facts.mtimeMs} ${facts.size}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    if (facts === undefined) {
      this.#keys = undefined;
      this.#why = `there is no trust file ${this.#file}`;
      return;
    }
    const read = loadTrust(this.#file);
    this.#keys = read.ok ? read.trust : undefined;
    if (read.ok) this.#log.info({ trust: read.trust.name, digest: read.trust.digest }, 'trust file read');
    else {
      this.#why = read.problems.map((p) => p.message).join('; ');
      this.#log.error({ file: this.#file, why: this.#why }, 'the trust file is refused: nothing is trusted');
    }
  }

  /** Why nothing is trusted; empty when there is a trust. */
  get trouble(): string {
    return this.#keys === undefined ? this.#why : '';
  }

  openRelease(manifest: Uint8Array, bundle: unknown): TrustedRelease {
    const keys = this.#keys;
    if (keys === undefined) return this.#untrusted();
    const opened = openRelease(manifest, bundle, keys);
    if (!opened.ok) return refusedOf(opened);
    return { ok: true, keyId: opened.keyId, digest: opened.ref.digest, manifest: opened.manifest };
  }

  openEvidence(bundle: unknown): TrustedEvidence {
    const keys = this.#keys;
    if (keys === undefined) return this.#untrusted();
    const opened = openEvidence(bundle, keys);
    if (!opened.ok) return refusedOf(opened);
    const { digest, said, predicateType, subject, verified, keyId, result, rehearsal, rollbackRehearsal, analysis } =
      opened.fact;
    const fact = {
      digest,
      said,
      predicateType,
      subject,
      verified,
      keyId,
      ...(result === undefined ? {} : { result: countsOf(result) }),
      ...(rehearsal === undefined ? {} : { rehearsal }),
      ...(rollbackRehearsal === undefined ? {} : { rollbackRehearsal }),
      ...(analysis === undefined ? {} : { analysis }),
    };
    return { ok: true, fact, signed: opened.signed };
  }

  openDrill(bundle: unknown): TrustedDrill {
    const keys = this.#keys;
    if (keys === undefined) return this.#untrusted();
    const opened = openDrill(bundle, keys);
    return opened.ok ? opened : refusedOf(opened);
  }

  openReconciled(bundle: unknown): TrustedReconciled {
    const keys = this.#keys;
    if (keys === undefined) return this.#untrusted();
    const opened = openReconciled(bundle, keys);
    return opened.ok ? opened : refusedOf(opened);
  }

  openRestoration(bundle: unknown): TrustedRestoration {
    const keys = this.#keys;
    if (keys === undefined) return this.#untrusted();
    const opened = openRestoration(bundle, keys);
    return opened.ok ? opened : refusedOf(opened);
  }

  /** An approval that its approver signed, of exactly this envelope. */
  openApproval(bundle: unknown, envelope: Digest): { readonly ok: true; readonly approval: SignedApproval } | Refused {
    const keys = this.#keys;
    if (keys === undefined) return this.#untrusted();
    const opened = openApproval(bundle, keys, envelope);
    return opened.ok ? opened : refusedOf(opened);
  }

  #untrusted(): Refused {
    const unblock = `have an administrator put the trusted keys into ${this.#file}`;
    return { ok: false, code: 'no-trust', where: 'trust', why: this.#why, unblock };
  }
}

function refusedOf({ code, where, why, unblock }: Refused): Refused {
  // Not every reader knows what would help; whoever signed it can always sign what is meant.
  return { ok: false, code, where, why, unblock: unblock || 'have exactly this signed again by a trusted key' };
}
