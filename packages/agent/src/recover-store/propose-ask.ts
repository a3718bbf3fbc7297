/** What a proposal is asked with, and what comes of it. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import type { Moment } from '@headgate/adapters/execution/recover/recover-aside';
import type { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import type { Trust } from '@headgate/documents';
import type { StoreProposal } from '@headgate/domain';
import type { InSlots } from './serving.ts';

export interface ProposeAsk<C extends AnyCellConfig = AnyCellConfig> {
  readonly cell: C;
  readonly store: string;
  readonly moment: Moment;
  readonly trust: Pick<Trust, 'signers'>;
  readonly id: string | undefined;
  readonly identityFile: string | undefined;
  /** So many files a tenant of Odoo may come back without, exactly. */
  readonly lacking: number | undefined;
  /** An empty folder; of a store that isn't Odoo's on its own disk. */
  readonly to: string;
  readonly by: string;
  readonly because: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** `cluster`: the store of then, which goes on running. `idle`: what serves nobody of the store. */
export interface Proposed {
  readonly proposal: StoreProposal;
  readonly cluster: Cluster;
  readonly idle: InSlots['idle'];
}
