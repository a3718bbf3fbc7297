/** A store of a cell as it was at a moment, brought back beside itself: from its vault, or from pgBackRest's repository. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { hasPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { type Moment, type Recovered, recoverAside } from '@headgate/adapters/execution/recover/recover-aside';
import { recoverBackup } from '@headgate/adapters/execution/recover/recover-backup';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { readIdentities } from '@headgate/adapters/execution/vault/read-identities';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { Trust } from '@headgate/documents';
import type { Answer } from '@headgate/execution';
import type { AgentConfig } from '../config.ts';
import { noteRecovered } from '../recover-tenant/recovered-file.ts';
import { vaultsOf } from '../vault-cells.ts';

/** For the restore point and its log to be replayed. Milliseconds. */
export const DEADLINE_MS = 12 * 60 * 60_000;

export interface BringAsk {
  readonly cell: CellConfig;
  readonly store: string;
  readonly to: string;
  readonly moment: Moment;
  readonly trust: Pick<Trust, 'signers'>;
  /** The restore point to go on from; absent: the newest before the moment. */
  readonly id: string | undefined;
  readonly identityFile: string | undefined;
  /** Up to when its log is known to lie in the repository, where the store has one of its own. */
  readonly reachedAt?: number | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Nothing opens what lies in the vault: somebody has to name the identity. */
export class NoIdentity extends Error {}

/** What a person typed of a moment. */
export interface TypedMoment {
  readonly at?: string | undefined;
  readonly before?: string | undefined;
  readonly transaction?: string | undefined;
}

/** What is asked for; a text: why that is no moment. */
export function momentOf({ at, before, transaction }: TypedMoment, cell: string): Moment | string {
  const named = [at, before, transaction].filter((each) => each !== undefined);
  if (named.length > 1) return 'one moment: --at, --before or --transaction';
  if (before !== undefined) return { kind: 'before-rollout', rollout: `${before}.${cell}` };
  if (transaction !== undefined)
    return /^[0-9]{1,10}$/.test(transaction)
      ? { kind: 'transaction', xid: transaction }
      : '--transaction is a number, as xmin of a row says it';
  if (at === undefined) return { kind: 'latest' };
  const zoned = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(at);
  const time = Date.parse(at);
  return zoned && !Number.isNaN(time)
    ? { kind: 'time', at: time }
    : '--at is a time with its zone, like 2026-11-22T09:30:00Z';
}

/** As a sentence goes on: back to … */
export function momentWords(moment: Moment): string {
  switch (moment.kind) {
    case 'latest':
      return 'the last moment that was at hand';
    case 'time':
      return new Date(moment.at).toISOString();
    case 'before-rollout':
      return `just before ${moment.rollout} migrated the store`;
    case 'transaction':
      return `transaction ${moment.xid}, with it`;
  }
}

/** Cells with a vault, with a store of that name whose restore points lie in a repository of their own, or of Odoo with that store. */
export function recoverableOf(
  { cells }: Pick<AgentConfig, 'cells'>,
  store: string,
  name: string | undefined,
): readonly AnyCellConfig[] {
  const own = cells.filter((cell) => repositoryOf(cell, store) && (name ?? cell.cell) === cell.cell);
  return own.length > 0 ? own : vaultsOf({ cells }, name);
}

function repositoryOf(cell: AnyCellConfig, store: string): boolean {
  if (cell.kind === 'odoo') return Object.hasOwn(cell.stores, store);
  return cell.stores[store]?.pgbackrest !== undefined;
}

/** Brings it, and leaves a note in its folder of what it is. Throws a {@link NoIdentity} where nothing opens the vault. */
export async function bringBeside(ask: BringAsk): Promise<Answer<Recovered>> {
  const { cell, store, to, moment, trust, id, signal, say } = ask;
  const of = { environment: cell.environment, cell: cell.cell, store };
  const shared = { of, moment, id, to, deadlineMs: DEADLINE_MS, signal, say };
  const physical = physicalStore(cell, store, await findPrograms(15, cell.dir));
  let recovered: Answer<Recovered>;
  if (hasPgBackRest(physical))
    recovered = await recoverBackup({ ...shared, store: physical, reachedAt: ask.reachedAt });
  else {
    const { vault } = cell;
    const identityFile = ask.identityFile ?? vault?.drill?.identityFile;
    if (vault === undefined || identityFile === undefined)
      throw new NoIdentity('it needs --identity, which opens what lies in the vault');
    recovered = await recoverAside({
      ...{ ...shared, store: physical, vault: await openObjectStore(vault.store) },
      trust: { signers: [...(await ownSigners(vault.keyFile)), ...trust.signers] },
      identities: await readIdentities(identityFile),
    });
  }
  if (!recovered.ok) return recovered;
  const { point, lastCommitAt } = recovered.value;
  await noteRecovered(to, {
    ...{ ...of, moment: momentWords(moment), point },
    ...(lastCommitAt !== undefined && { lastCommitAt }),
  });
  return recovered;
}
