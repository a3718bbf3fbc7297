import { join } from 'node:path';
import type { SigningKey, TrustedSigner } from '@headgate/documents';
import type { RestorePoint } from '@headgate/domain';
import { type ObjectStore, ObjectStoreTrouble, type StepContext, type Vault, type Vaulted } from '@headgate/execution';
import { readIfThere } from '../../machine/durable-file.ts';
import type { ObjectStoreConfig } from '../object-store/object-store-config.ts';
import { openObjectStore } from '../object-store/open-object-store.ts';
import { databaseFacts } from './database-facts.ts';
import { onSameDevice, unmetDemands } from './demands.ts';
import { PointContents } from './point-contents.ts';
import { sealPoint } from './seal-point.ts';
import { tidyVault } from './tidy-vault.ts';
import type { VaultConfig } from './vault-config.ts';
import { ownSigner } from './vault-key.ts';

/** One store, as a vault knows it. */
export interface VaultedStore {
  /** Folder of its restore points. */
  readonly restorePointsDir: string;
  readonly tenants: readonly string[];
}

/** One store whose restore points lie in a repository of its own. */
export interface StoreElsewhere {
  /** Where, in words. */
  readonly words: string;
  readonly repository: ObjectStoreConfig;
  readonly clusterDir: string;
}

export interface CellVaultParts {
  readonly config: VaultConfig;
  readonly store: ObjectStore;
  readonly key: SigningKey;
  readonly stores: ReadonlyMap<string, VaultedStore>;
  /** Stores whose restore points lie in repositories of their own: no copies of them are kept here. */
  readonly elsewhere?: ReadonlyMap<string, StoreElsewhere>;
  /** Size of the parts before encryption. */
  readonly partBytes: number;
}

/** The vault of a cell. */
export class CellVault implements Vault {
  readonly required: boolean;
  private readonly parts: CellVaultParts;
  private readonly trust: { readonly signers: readonly TrustedSigner[] };

  constructor(parts: CellVaultParts) {
    this.parts = parts;
    this.required = parts.config.required;
    this.trust = { signers: [ownSigner(parts.key)] };
  }

  async keep(point: RestorePoint, ctx: StepContext): Promise<Vaulted> {
    const elsewhere = this.parts.elsewhere?.get(point.store);
    try {
      return elsewhere === undefined ? await this.seal(point, ctx) : await this.liesElsewhere(elsewhere, ctx);
    } catch (error) {
      if (!(error instanceof ObjectStoreTrouble)) throw error;
      // Room is made by a person, and an answer that we may not is mended by one: the promotion needn't go back for it.
      return {
        kind: 'waits',
        why: `${elsewhere === undefined ? "the vault can't take" : `${elsewhere.words} can't be asked about`} restore point ${point.id}: ${error.message}`,
      };
    }
  }

  /** What is demanded of the vault is demanded of what stands in its place. */
  private async liesElsewhere({ words, repository, clusterDir }: StoreElsewhere, ctx: StepContext): Promise<Vaulted> {
    const { demands } = this.parts.config;
    const asked = { demands, store: repository };
    const unmet = await unmetDemands(asked, await openObjectStore(repository), clusterDir, ctx.signal);
    if (unmet.length > 0) return { kind: 'waits', why: `${words} isn't what is demanded of it: ${unmet.join('; ')}` };
    const same = await onSameDevice(repository, clusterDir);
    return { kind: 'elsewhere', words: same ? `${words}; THAT IS ON THE STORE’S OWN DISK, and lost with it` : words };
  }

  private async seal(point: RestorePoint, ctx: StepContext): Promise<Vaulted> {
    const { config, store, key, stores, partBytes } = this.parts;
    const vaulted = stores.get(point.store);
    if (vaulted === undefined) throw new Error(`There is no store ${point.store} in this cell`);
    const { restorePointsDir, tenants } = vaulted;
    const unmet = await unmetDemands(config, store, restorePointsDir, ctx.signal);
    if (unmet.length > 0) return { kind: 'waits', why: `the vault isn't what is demanded of it: ${unmet.join('; ')}` };
    const dir = join(restorePointsDir, point.id);
    const manifest = await readIfThere(join(dir, 'manifest.json'));
    if (manifest === undefined) throw new Error(`manifest.json of the restore point ${point.id} isn't there`);
    const contents = PointContents.parse(JSON.parse(manifest));
    const from = performance.now();
    const sealed = await sealPoint({
      store,
      dir,
      manifest,
      identity: { environment: ctx.environment, cell: ctx.cell, store: point.store, id: point.id },
      facts: {
        application: ctx.application,
        tenants: [...tenants],
        epoch: ctx.fence.epoch,
        takenFor: {
          rollout: contents.rollout,
          step: contents.step,
          ...(ctx.release !== undefined && { release: ctx.release }),
        },
        database: await databaseFacts(dir, contents),
      },
      recipients: config.recipients,
      key,
      trust: this.trust,
      partBytes,
      now: () => Date.now(),
      signal: ctx.signal,
    });
    if (!sealed.ok) return { kind: 'failed', code: sealed.code, why: sealed.why };
    await this.tidy(point, ctx);
    const { parts } = sealed.value;
    const s = ((performance.now() - from) / 1_000).toFixed(1);
    return { kind: 'sealed', words: `${parts.length + 1} parts in ${store.name}, read back, in ${s} s` };
  }

  /** What can't be tidied up today is tidied up next time; the restore point is safe either way. */
  private async tidy(point: RestorePoint, ctx: StepContext): Promise<void> {
    const { config, store } = this.parts;
    const of = { environment: ctx.environment, cell: ctx.cell, store: point.store };
    // One rollout at a time is active in a cell, and it is this one.
    const needed = new Set([ctx.rollout]);
    try {
      const { removed, swept } = await tidyVault(store, of, this.trust, config.keep, needed, Date.now(), ctx.signal);
      for (const id of removed)
        ctx.log(`store ${point.store}: restore point ${id} removed from ${store.name}: no rule keeps it`);
      for (const id of swept) ctx.log(`store ${point.store}: ${id} swept from ${store.name}: it was never sealed`);
    } catch (error) {
      if (ctx.signal.aborted || !(error instanceof ObjectStoreTrouble)) throw error;
      ctx.log(`store ${point.store}: the vault isn't tidied up: ${error.message}`);
    }
  }
}
