/**
 * A tenant of Odoo: its database and its files of then, which lie beside it, become a restore point of that moment, and go into its place by
 * the journal that a restore of the tenant has. Its neighbours on the same PostgreSQL go on.
 */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CellPorts } from '@headgate/adapters/execution/cell';
import { compareAttachments } from '@headgate/adapters/execution/odoo/attachments';
import { DatabaseDoor } from '@headgate/adapters/execution/odoo/database-door';
import { asideOf } from '@headgate/adapters/execution/odoo/moment/bring-tenant';
import {
  type ComparedTenants,
  compareTenants,
  lookAtTenant,
  numberOfDatabase,
  UnknownVersion,
} from '@headgate/adapters/execution/odoo/moment/compare-tenants';
import {
  makePointOfThen,
  pointMade,
  pointsOfThen,
  type TenantBeside,
} from '@headgate/adapters/execution/odoo/moment/point-of-then';
import { signalBack, signalBefore } from '@headgate/adapters/execution/odoo/moment/reload-signal';
import { odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import type { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { OdooRestorePoints } from '@headgate/adapters/execution/odoo/odoo-restore-points';
import { filestoreDir, findStore, type OdooStore, type OdooStores } from '@headgate/adapters/execution/odoo/store';
import { readSwap, replacedDatabase } from '@headgate/adapters/execution/odoo/tenant-swap';
import { runningBeside } from '@headgate/adapters/execution/restore-points/brought-beside';
import { changedIn, wrongFigures } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import { denied, granted, type StepContext } from '@headgate/execution';
import { readRecovered } from '../recover-tenant/recovered-file.ts';
import { ANEW, figuresWrong, writtenSince } from './recount.ts';
import { roomForTenant } from './room-for-tenant.ts';
import { inSlots } from './serving.ts';
import type { ContextOf, OpenPlace, PlaceAsk, Stale, StorePlace } from './store-place.ts';

export const openOdooPlace: OpenPlace<OdooCellConfig> = async (ask, ports, context) =>
  new OdooPlace(ask, ports, context);

/** The step under whose name the restore point of then is made. */
const THEN = 'then';

class OdooPlace implements StorePlace {
  private readonly ask: PlaceAsk<OdooCellConfig>;
  private readonly ports: CellPorts;
  private readonly context: ContextOf;
  private readonly stores: OdooStores;
  private readonly store: OdooStore;
  private readonly door: DatabaseDoor;
  /** The folder of what was brought back. */
  private readonly to: string;

  constructor(ask: PlaceAsk<OdooCellConfig>, ports: CellPorts, context: ContextOf) {
    this.ask = ask;
    this.ports = ports;
    this.context = context;
    this.stores = odooStores(ask.cell);
    this.store = findStore(this.stores, ask.proposal.store);
    this.door = new DatabaseDoor(this.stores);
    this.to = dirname(ask.proposal.place);
  }

  async stale(again: boolean): Promise<Stale | undefined> {
    const { ask, store, to } = this;
    const another = await this.anotherDatabase();
    if (another !== undefined) return another;
    const { place, odoo, was } = ask.proposal;
    const beside = await runningBeside(this.stores, place);
    if (beside === undefined || odoo === undefined)
      return { code: 'check-failed', why: `${place} isn’t there any more`, unblock: ANEW };
    try {
      const aside = asideOf(this.stores, beside.cluster, store, to);
      ask.say('What would be lost is counted once more …');
      const compared = await compareTenants(this.stores, aside, store, ask.signal);
      const wrong = this.otherwise(compared);
      if (wrong !== undefined) return wrong;
      const rollout = this.context(THEN).rollout;
      if (again && (await pointMade(to, rollout)) !== undefined) return undefined;
      await rm(pointsOfThen(to).dir, { recursive: true, force: true });
      const lack = await roomForTenant({ stores: this.stores, aside, store, to, bytes: odoo.bytes });
      if (lack !== undefined) return { code: 'no-room', why: lack, unblock: 'make room, and apply the proposal again' };
      ask.say('A restore point of then is made, and each file compared with its name …');
      const tenant: TenantBeside = { aside, store, schemaVersion: was.schemaVersion, lacking: odoo.lacking };
      const made = await makePointOfThen(to, tenant, this.context(THEN));
      if (!made.ok) return { code: made.code, why: made.why, unblock: ANEW };
      return await this.wronglyShown(compared, made.value);
    } catch (error) {
      return versionStale(error);
    } finally {
      await beside.end();
    }
  }

  async changed(): Promise<Stale | undefined> {
    return (await this.anotherDatabase()) ?? (await this.writtenSince());
  }

  async replace(): Promise<Stale | undefined> {
    const { ask, to } = this;
    const ctx = this.context('place');
    const id = await pointMade(to, ctx.rollout);
    // Once it has begun it goes to its end, and needs nothing of that any more.
    if (id === undefined && !(await this.begun(ctx)))
      return { code: 'check-failed', why: `the restore point of then isn’t in ${to} any more`, unblock: ANEW };
    let written: Stale | undefined;
    const points = new OdooRestorePoints(this.stores, this.door, true);
    const done = await points.place(ask.proposal.store, pointsOfThen(to), id ?? '', ctx, async () => {
      // Customers' own logins aren't held: a reporting tool's may write.
      written = await this.writtenSince('while its tenant was held: something else writes there');
      if (written !== undefined) return denied('check-failed', written.why);
      await signalBefore(this.stores, this.door, this.store);
      return granted(undefined);
    });
    if (done.ok) return undefined;
    if (await this.begun(ctx))
      throw new Error(
        `the tenant is being replaced, and that can’t go on: ${done.why}; it stays held. Mend that, and apply the proposal again: it goes on there`,
      );
    return written ?? { code: done.code, why: done.why };
  }

  /** Whether the tenant's databases change names by this, or have. */
  private async begun({ idempotencyKey }: StepContext): Promise<boolean> {
    return (await readSwap(this.stores, this.store))?.key === idempotencyKey;
  }

  async check(): Promise<string | undefined> {
    try {
      return await this.checkTenant();
    } catch (error) {
      if (error instanceof UnknownVersion) return error.message;
      throw error;
    }
  }

  private async checkTenant(): Promise<string | undefined> {
    const { ask, stores, store } = this;
    const { was, odoo } = ask.proposal;
    const { side, objects } = await lookAtTenant(stores, store, ask.signal);
    // A definition may be written otherwise after a dump, and mean the same; which there are is compared by their names.
    const { definitions, ...beside } = side.beside!;
    const other = changedIn({ ...side, beside: { ...beside, definitions: was.beside!.definitions } }, was);
    if (other.length > 0) return `what stands there isn’t what was proposed: ${named(other)}`;
    if (objects !== odoo!.objects) return 'what stands there has other tables, columns or functions than was proposed';
    if (side.schemaVersion !== was.schemaVersion)
      return `it has the schema ${side.schemaVersion}, and ${was.schemaVersion} was proposed`;
    const files = await compareAttachments(stores, store.database, filestoreDir(stores, store), ask.signal);
    if (files.altered > 0) return `${files.altered} of its files aren’t what their names say`;
    if (files.missing !== odoo!.lacking.length)
      return `${files.missing} of its files are missing, and ${odoo!.lacking.length} were proposed`;
    return undefined;
  }

  async leave(point: string): Promise<void> {
    const { ask, ports, stores, store } = this;
    const back = await ports.restorePoints.restore(
      ask.proposal.store,
      point,
      { kind: 'restore-point' },
      this.context('leave'),
    );
    if (!back.ok)
      throw new Error(
        `what stood before can’t be brought back from ${point}: ${back.why}; its tenant stays held. Mend that, and apply the proposal again: it goes on there`,
      );
    await signalBack(stores, this.door, store);
  }

  /** What it came from isn't needed any more; its folder is a person's to remove. */
  async ended(): Promise<void> {
    const beside = await runningBeside(this.stores, this.ask.proposal.place);
    await beside?.cluster.stop();
    await rm(pointsOfThen(this.to).dir, { recursive: true, force: true });
  }

  get kept(): string {
    return replacedDatabase(this.store);
  }

  private async anotherDatabase(): Promise<Stale | undefined> {
    const number = await numberOfDatabase(this.stores, this.store);
    if (number === this.ask.proposal.odoo?.database) return undefined;
    const why =
      'the tenant’s database is another one than was compared: it was brought back since (so it is once a proposal was applied)';
    return { code: 'written-since', why, unblock: ANEW };
  }

  private async writtenSince(more?: string): Promise<Stale | undefined> {
    try {
      const { side } = await lookAtTenant(this.stores, this.store, this.ask.signal);
      const parts = changedIn(side, this.ask.proposal.live);
      return parts.length > 0 ? writtenSince(parts, more) : undefined;
    } catch (error) {
      return versionStale(error);
    }
  }

  private otherwise({ live, was }: ComparedTenants): Stale | undefined {
    const { proposal } = this.ask;
    const since = changedIn(live.side, proposal.live);
    if (since.length > 0) return writtenSince(since);
    const other = changedIn(was.side, proposal.was);
    if (other.length === 0) return undefined;
    return {
      code: 'check-failed',
      why: `what lies in ${proposal.place} was changed since it was compared (${named(other)})`,
      unblock: ANEW,
    };
  }

  private async wronglyShown(
    { live, was, tables, others, othersInAll, byItself }: ComparedTenants,
    { files, bytes }: { readonly files: number; readonly bytes: number },
  ): Promise<Stale | undefined> {
    const { proposal, cell } = this.ask;
    const note = await readRecovered(this.to);
    const wrong = wrongFigures(
      {
        ...{ live: live.side, was: was.side, tables, others, othersInAll, databases: [], files: [] },
        ...{ moment: note?.moment ?? '', point: note?.point ?? '' },
        ...(note?.lastCommitAt !== undefined && { keptAt: note.lastCommitAt }),
        serving: (await inSlots(cell, proposal.store)).serving,
        // Which it lacks was held against its rows just now, file by file.
        odoo: {
          database: live.database,
          objects: was.objects,
          files,
          bytes,
          lacking: proposal.odoo!.lacking,
          byItself,
        },
      },
      proposal,
    );
    return wrong.length === 0 ? undefined : figuresWrong(wrong);
  }
}

function versionStale(error: unknown): Stale {
  if (!(error instanceof UnknownVersion)) throw error;
  return { code: 'written-since', why: error.message, unblock: ANEW };
}
