import type { Digest, Instant, PrincipalId } from '@headgate/domain';
import type { Blobs } from './ports/blobs.ts';
import type { MoveLooks } from './ports/move-looks.ts';
import type { StandbyLooks } from './ports/standby-looks.ts';
import type { ControlStore } from './ports/store.ts';
import type { VaultLooks } from './ports/vault-looks.ts';

/** Opens signed bytes with the server's own trust; implemented by `documents`, handed in by the wiring. */
export interface Trust {
  openRelease(manifest: Uint8Array, bundle: unknown): TrustedRelease;
  openEvidence(bundle: unknown): TrustedEvidence;
  openDrill(bundle: unknown): TrustedDrill;
  openReconciled(bundle: unknown): TrustedReconciled;
  openRestoration(bundle: unknown): TrustedRestoration;
}

type Untrusted = {
  readonly ok: false;
  readonly code: string;
  readonly where: string;
  readonly why: string;
  readonly unblock: string;
};

export type TrustedRelease =
  | {
      readonly ok: true;
      readonly keyId: string;
      readonly digest: Digest;
      readonly manifest: import('@headgate/domain').ReleaseManifest;
    }
  | Untrusted;

/** What of a bundle was signed. The rest is whatever its sender wrote there, and is neither kept nor told apart by. */
export interface Signed {
  /** The bundle with nothing else: what is kept, by the digest that the facts name. */
  readonly bundle: unknown;
  /** Other digests that the same statement may be known by. */
  readonly also: readonly Digest[];
}

export type TrustedEvidence =
  | { readonly ok: true; readonly fact: import('@headgate/domain').EvidenceFact; readonly signed: Signed }
  | Untrusted;

export type TrustedDrill =
  | { readonly ok: true; readonly drill: import('@headgate/domain').DrillEvidence; readonly signed: Signed }
  | Untrusted;

export type TrustedReconciled =
  | { readonly ok: true; readonly reconciled: import('@headgate/domain').ReconciledEvidence; readonly signed: Signed }
  | Untrusted;

export type TrustedRestoration =
  | {
      readonly ok: true;
      readonly restoration: import('@headgate/domain').RestorationEvidence;
      readonly signed: Signed;
    }
  | Untrusted;

/** What use cases and controllers work with. */
export interface Deps {
  readonly store: ControlStore;
  readonly blobs: Blobs;
  readonly trust: Trust;
  /** What agents saw of their stores' standbys; absent: nobody keeps it, and no standby is known. */
  readonly standbys?: StandbyLooks;
  /** What agents told of data that is being moved; absent: nobody keeps it, and nothing is known of it. */
  readonly moves?: MoveLooks;
  /** What agents saw of restore points where they lie; absent: nobody keeps it, and nothing is known of it. */
  readonly vaults?: VaultLooks;
  /** The control plane's epoch: rises when it is restored from a backup. */
  readonly epoch: number;
  /** Unique, unguessable ids with a prefix: `prm_…`. */
  newId(prefix: string): string;
  /** SHA-256 of a value's canonical JSON. */
  digestOf(value: unknown): Digest;
  canonical(value: unknown): Uint8Array;
}

/** Who acts, as authenticated; every command carries one. */
export interface Actor {
  readonly id: PrincipalId;
  readonly at: Instant;
}
