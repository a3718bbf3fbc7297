import type { KeyObject } from 'node:crypto';
import type { Digest, PrincipalId } from '@headgate/domain';
import type { TreeHeadTrust } from '../log/tree-head.ts';

/** What a key may sign. A key that tests releases can't thereby make one. */
export type Duty = 'release' | 'evidence' | 'approval' | 'restore-point' | 'reconciliation';

export const DUTIES = [
  'release',
  'evidence',
  'approval',
  'restore-point',
  'reconciliation',
] as const satisfies readonly Duty[];

/** A pinned public key. */
export interface TrustedSigner {
  /** What people call it: `ci`, `release-team`. */
  readonly name: string;
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly may: readonly Duty[];
  /** Whose approvals the key signs; only with the duty `approval`. */
  readonly principal?: PrincipalId;
}

/** Whom to believe, as pinned by a person: never taken from the server or its data. */
export interface Trust {
  readonly name: string;
  readonly signers: readonly TrustedSigner[];
  readonly log: TreeHeadTrust;
  /** Digest of the file's canonical content, to see whether two processes hold the same trust. */
  readonly digest: Digest;
}
