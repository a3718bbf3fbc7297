/** All that a plan to rebuild a cell is made of, gathered: the configuration, the vault, the log, and what this machine has. Nothing is changed. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseBackup } from '@headgate/adapters/execution/backups/index';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { hasPgBackRest, type PgBackRestStore } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { backupToRebuild } from '@headgate/adapters/execution/rebuild/backup-to-rebuild';
import {
  type DumpWants,
  dumpToRebuild,
  pointToRebuild,
  tenantToRebuild,
} from '@headgate/adapters/execution/rebuild/point-to-rebuild';
import type { ReleaseWithFiles } from '@headgate/adapters/execution/rehearsal/index';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { readIdentities } from '@headgate/adapters/execution/vault/read-identities';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { Trust } from '@headgate/documents';
import type { Digest, RebuildBackup, RebuildFacts, RebuildStore, Refusal } from '@headgate/domain';
import { type ObjectStore, ObjectStoreTrouble } from '@headgate/execution';
import type { AgentConfig } from '../config.ts';
import { type CellToRebuild, lacks } from './cell-to-rebuild.ts';
import { lastExercise } from './evidence.ts';
import { externalLacking, givenFor } from './external-stores.ts';
import { servingIn } from './serving.ts';

/** For each question to a repository. Milliseconds. */
const LOOK_MS = 120_000;

export interface FactsAsk {
  readonly config: AgentConfig;
  readonly cell: CellToRebuild;
  /** The cell in its new place, where that is another configuration: what it names has to be there. */
  readonly target: AnyCellConfig;
  readonly trust: Trust;
  /** Absent: the cell's own. */
  readonly identityFile: string | undefined;
  readonly releaseDir: string | undefined;
  /** Of a person, by which the log is asked. */
  readonly tokenFile: string | undefined;
  readonly signal: AbortSignal;
}

export interface Gathered {
  readonly facts: RebuildFacts;
  readonly vault: ObjectStore;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret. */
  readonly identities: readonly string[];
  readonly releases: ReadonlyMap<Digest, ReleaseWithFiles>;
  /** What each store on somebody else's server asks of the next one. */
  readonly dumps: ReadonlyMap<string, DumpWants>;
}

/** Gathers them. Throws where the vault is away: that is no fact about what lies in it. */
export async function gatherFacts(ask: FactsAsk): Promise<Gathered> {
  const { config, cell, target, signal } = ask;
  const vault = await openObjectStore(cell.vault.store);
  const trust = { signers: [...(await ownSigners(cell.vault.keyFile)), ...ask.trust.signers] };
  const opener = needsIdentity(ask) ? await identityOf(ask) : { identities: [] };
  const identities = 'refusal' in opener ? [] : opener.identities;
  const dumps = new Map<string, DumpWants>();
  const stores = await storesOf(ask, { vault, trust, identities }, dumps);
  const { serving, releases } = await servingIn(ask);
  return {
    facts: {
      ...{ environment: cell.environment, cell: cell.cell, application: cell.application, now: Date.now() },
      ...{ backups: await backupsOf(config, ask.trust, signal), stores, serving },
      ...(cell.kind === 'odoo' && { server: SERVER_STANDS }),
      tenants: Object.fromEntries(Object.entries(cell.tenants).map(([tenant, { store }]) => [tenant, store])),
      lacking: [
        ...('refusal' in opener ? [opener.refusal] : []),
        ...(await filesLacking(target)),
        ...(await externalLacking(cell, dumps)),
      ],
      transactions: cell.vault.drill?.transactions !== undefined,
      took: await lastExercise(vault, cell, trust, signal),
    },
    ...{ vault, trust, identities, releases, dumps },
  };
}

/** What proves the PostgreSQL of a cell of Odoo right, before any tenant stands on it, and then Odoo itself. */
const SERVER_STANDS = {
  proof:
    'the cell’s PostgreSQL answers, and has the role that owns tenants’ databases, a login for each slot and one that reads',
  release: 'every module that it brings is at the version that its tenants have installed',
};

type Opened = Pick<Gathered, 'vault' | 'trust' | 'identities'>;

/** `dumps`: what each of those on servers of others asks of the next one is added there. */
async function storesOf(
  { cell, target, signal }: FactsAsk,
  opened: Opened,
  dumps: Map<string, DumpWants>,
): Promise<readonly RebuildStore[]> {
  const stores: RebuildStore[] = [];
  const named = { environment: cell.environment, cell: cell.cell };
  if (cell.kind === 'odoo') {
    for (const store of Object.keys(cell.stores)) {
      const found = await tenantToRebuild({ of: { ...named, store }, ...opened, signal });
      stores.push({ name: store, dependsOn: [], ...found });
    }
    return stores;
  }
  for (const [store, { dependsOn, pgbackrest }] of Object.entries(cell.stores)) {
    const found =
      pgbackrest === undefined
        ? await pointToRebuild({ of: { ...named, store }, ...opened, signal })
        : await backupToRebuild({
            store: await lostStore(cell, store, target.dir),
            of: `${cell.environment}/${cell.cell}/${store}`,
            bounds: { deadlineMs: LOOK_MS, signal },
          });
    stores.push({ name: store, dependsOn, ...found });
  }
  for (const [store, external] of Object.entries(cell.externalStores)) {
    const { wants, ...found } = await dumpToRebuild({ of: { ...named, store }, ...opened, signal });
    const given = wants === undefined ? undefined : await givenFor(store, external, wants);
    if (wants !== undefined) dumps.set(store, wants);
    stores.push({ name: store, dependsOn: external.dependsOn, ...found, ...(given !== undefined && { given }) });
  }
  return stores;
}

/** A store with pgBackRest as its cell's configuration has it: `reachable` is a folder that PostgreSQL's user may enter, or will be. */
export async function lostStore(cell: CellConfig, name: string, reachable: string): Promise<PgBackRestStore> {
  const store = physicalStore(cell, name, await findPrograms(15, reachable));
  if (!hasPgBackRest(store)) throw new Error(`the store ${name} has no pgBackRest`);
  return store;
}

/** Whether anything that comes back lies in a vault: repositories of their own are opened by their passphrases. */
function needsIdentity({ config, cell }: FactsAsk): boolean {
  if (config.backups.length > 0 || cell.kind === 'odoo' || Object.keys(cell.externalStores).length > 0) return true;
  return Object.values(cell.stores).some(({ pgbackrest }) => pgbackrest === undefined);
}

/** What opens the vault, or why nothing does. */
async function identityOf({
  cell,
  identityFile,
}: FactsAsk): Promise<{ readonly identities: readonly string[] } | { readonly refusal: Refusal }> {
  const no = (why: string) => ({
    refusal: lacks(
      cell,
      'identity',
      why,
      'bring the identity’s file to this machine, mode 0600, and name it (--identity FILE)',
    ),
  });
  const file = identityFile ?? cell.vault.drill?.identityFile;
  if (file === undefined) return no('nothing names the identity that opens what lies in the vault');
  try {
    return { identities: await readIdentities(file) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return no(code === 'ENOENT' ? `${file} isn’t there: without it nothing in the vault can be opened` : message);
  }
}

type Named = readonly (readonly [where: string, file: string])[];

/** Files that the configuration names, and that nobody can make anew: secrets, and what the application runs on. */
async function filesLacking(target: AnyCellConfig): Promise<readonly Refusal[]> {
  const secrets: Named =
    target.kind === 'odoo'
      ? target.tenantTokensFile === undefined
        ? []
        : [['tenantTokensFile', target.tenantTokensFile]]
      : [
          ...Object.entries(target.secretEnv).map(([variable, file]) => [`secretEnv.${variable}`, file] as const),
          ...Object.entries(target.secretFiles).map(([variable, file]) => [`secretFiles.${variable}`, file] as const),
        ];
  const programs: Named =
    target.kind === 'odoo'
      ? [
          ['odoo.dir', join(target.odoo.dir, 'usr/bin/odoo')],
          ['odoo.python', target.odoo.python],
          ['postgresql.programsDir', join(target.postgresql.programsDir, 'pg_restore')],
        ]
      : [['node', target.node]];
  const absent = async (named: Named, unblock: string): Promise<readonly Refusal[]> => {
    const there = await Promise.all(
      named.map(([, file]) =>
        access(file).then(
          () => true,
          () => false,
        ),
      ),
    );
    return named.flatMap(([where, file], i) =>
      there[i] ? [] : [lacks(target, where, `${file} isn’t there`, unblock)],
    );
  };
  return [
    ...(await absent(secrets, 'bring it to this machine, from where secrets are kept')),
    ...(await absent(programs, 'install it on this machine, or name where it is in the cell’s file')),
  ];
}

async function backupsOf(config: AgentConfig, trust: Trust, signal: AbortSignal): Promise<readonly RebuildBackup[]> {
  const { backups, backupVault: vault } = config;
  const found: RebuildBackup[] = [];
  if (vault === undefined) return found;
  const store = await openObjectStore(vault.store);
  const signers = [...(await ownSigners(vault.keyFile)), ...trust.signers];
  for (const { name } of backups) {
    try {
      const { sealed } = await chooseBackup(
        store,
        { agent: config.name, backup: name },
        undefined,
        { signers },
        signal,
      );
      found.push({ name, id: sealed.id, takenAt: sealed.takenAt });
    } catch (error) {
      if (error instanceof ObjectStoreTrouble || signal.aborted) throw error;
      found.push({ name, why: (error as Error).message });
    }
  }
  return found;
}
