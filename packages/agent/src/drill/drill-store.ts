/** A drill of one store of this agent's, by its cell's configuration, with its signed statement. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { drill, storeToDrill } from '@headgate/adapters/execution/drill/index';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { readIdentities } from '@headgate/adapters/execution/vault/read-identities';
import { ownSigner, vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { storesElsewhere } from '@headgate/adapters/execution/vault/vaulted-stores';
import { type SignedBundle, type SigningKey, signDrill, type Trust } from '@headgate/documents';
import type { DrillFacts } from '@headgate/domain';
import { ownFolder } from '../rehearse/open-copy.ts';
import { noVault } from '../vault-cells.ts';
import { drillFolder } from './drill-folder.ts';

/** For each part of a drill. Milliseconds. */
const PART_MS = 12 * 60 * 60_000;

export interface StoreDrillAsk {
  /** With a vault, or with a repository of the store's own. */
  readonly cell: AnyCellConfig;
  /** The key that signs where the cell has no vault. */
  readonly ownKey?: () => Promise<SigningKey>;
  readonly store: string;
  /** Whose manifests count, beside those that this agent sealed. */
  readonly trust: Pick<Trust, 'signers'>;
  /** Absent: the newest. */
  readonly id?: string | undefined;
  /** Absent: the cell's own. */
  readonly identityFile?: string | undefined;
  readonly workDir?: string | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly detail?: (words: string) => void;
}

export interface DrilledStore {
  readonly facts: DrillFacts;
  readonly bundle: SignedBundle;
}

/** Carries it out. Throws where it can't begin: without an identity, or of a store that can't be drilled. */
export async function drillStore(ask: StoreDrillAsk): Promise<DrilledStore> {
  const { cell, store, trust, id, signal, say, detail } = ask;
  const { vault } = cell;
  const elsewhere = storesElsewhere(cell).get(store);
  const own = vault === undefined ? ask.ownKey : () => vaultKey(vault.keyFile);
  // Of one in a repository nothing is asked of the vault.
  const place = elsewhere?.repository ?? vault?.store;
  if (place === undefined || own === undefined) throw new Error(noVault(`the cell ${cell.cell}`));
  // A repository of its own is opened by its own passphrase.
  const identityFile = elsewhere ? undefined : (ask.identityFile ?? vault?.drill?.identityFile);
  if (identityFile === undefined && elsewhere === undefined)
    throw new Error(`it needs an identity: --identity FILE, or vault.drill.identityFile of the cell ${cell.cell}`);
  const workDir = ask.workDir ?? drillFolder(cell);
  await ownFolder(workDir);
  const identities = identityFile === undefined ? [] : await readIdentities(identityFile);
  const key = await own();
  const facts = await drill({
    from: { environment: cell.environment, cell: cell.cell, store },
    of: await storeToDrill(cell, store, workDir),
    vault: await openObjectStore(place),
    trust: { signers: [ownSigner(key), ...trust.signers] },
    identities,
    id,
    everyMs: vault?.schedule?.everyMs,
    walEveryMs: elsewhere && cell.kind === 'process' ? cell.stores[store]?.pgbackrest?.logEveryMs : vault?.wal?.everyMs,
    transactions: vault?.drill?.transactions,
    workDir,
    deadlineMs: PART_MS,
    signal,
    now: Date.now,
    say,
    ...(detail !== undefined && { detail }),
  });
  return { facts, bundle: signDrill(facts, key) };
}
