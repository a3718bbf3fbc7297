import type { FailureCode, RestorePoint } from '@headgate/domain';
import type { StepContext } from './step-context.ts';

/** What became of a restore point's copy in the vault. */
export type Vaulted =
  | { readonly kind: 'sealed'; readonly words: string }
  /** No copy of it belongs there: it lies in a repository of its own, which is its second failure domain. */
  | { readonly kind: 'elsewhere'; readonly words: string }
  /** It can't be had now, and may be later: away, or full. */
  | { readonly kind: 'waits'; readonly why: string }
  | { readonly kind: 'failed'; readonly code: FailureCode; readonly why: string };

/** Where copies of restore points are kept in a second failure domain: signed, encrypted, and read back after writing. */
export interface Vault {
  /** Whether a restore point that isn't sealed there counts as none. */
  readonly required: boolean;
  /** Copies a verified restore point there, or finds it there, and reads all of it back. */
  keep(point: RestorePoint, ctx: StepContext): Promise<Vaulted>;
}
