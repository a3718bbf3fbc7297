import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import { z } from 'zod';
import { readIfThere, syncFolder, writeDurably } from '../../machine/durable-file.ts';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { controlConnection, raiseFence } from '../store/store-session.ts';
import type { BackedStore } from './backed-store.ts';

const Journal = z.strictObject({
  key: z.string(),
  phase: z.enum(['recovering', 'swapping', 'done']),
  schemaVersion: z.int().optional(),
  control: z.strictObject({
    fence: z.array(z.strictObject({ scope: z.string(), epoch: z.string(), n: z.string() })),
    route: z.array(z.strictObject({ tenant: z.string(), slot: z.string(), epoch: z.string(), n: z.string() })),
  }),
});
type Journal = z.output<typeof Journal>;

const journalFile = (cluster: Cluster): string => join(cluster.dir, 'restore.json');

/**
 * Whether a restore has stopped this cluster on purpose: nobody else may start it then. Ask after having seen that the
 * cluster doesn't run; the journal says it before the cluster is stopped.
 */
export async function restoring(cluster: Cluster): Promise<boolean> {
  return (await readJournal(cluster))?.phase === 'swapping';
}

/** Where a restore brings a store back from: a restore point of a kind, and a moment. */
export interface RestoreSource {
  /** Whether it is what was taken, before anything begins. */
  verify(): Promise<Answer<unknown>>;
  /** Brings the store's log up to now to where the restore reads it, if the moment may need it. */
  archive(): Promise<Answer<unknown>>;
  /** Recovers it as a cluster of its own. */
  aside(dir: string, port: number): Promise<Answer<Cluster>>;
  /** Puts each folder of files beside its place, as `<folder>.restoring`. */
  layOutFiles(): Promise<void>;
}

/**
 * Replaces a store by what it was at a moment. Recovers aside first, so that a restore point that doesn't recover costs
 * nothing; then stops the store, swaps the folders and starts it. A journal leads a second attempt on from where the
 * first was killed. What isn't the customers' (the fence, the routes) is carried over as it is now: going back in data
 * must not bring an old decision back into force. The replaced folder is kept as `data.before` until the next restore.
 */
export async function restoreInPlace(
  store: Pick<BackedStore, 'name' | 'cluster' | 'database' | 'files'>,
  from: RestoreSource,
  ctx: StepContext,
): Promise<Answer<{ readonly schemaVersion: number }>> {
  const { cluster } = store;
  let journal = await readJournal(cluster);
  if (journal?.key !== ctx.idempotencyKey) {
    if (journal?.phase === 'swapping') {
      return denied('unknown', `an earlier restore (${journal.key}) of the store ${store.name} isn't finished`);
    }
    const verified = await from.verify();
    if (!verified.ok) return verified;
    await cluster.start();
    const control = await controlRows(store, ctx);
    if (!control) return denied('fenced', `the store ${store.name} has seen a later decision than this one`);
    journal = { key: ctx.idempotencyKey, phase: 'recovering', control };
    await writeJournal(cluster, journal);
  }
  if (journal.phase === 'recovering') {
    const archived = await from.archive();
    if (!archived.ok) return archived;
    const aside = await from.aside(join(cluster.dir, 'restoring'), await freePort());
    if (!aside.ok) return aside;
    const schemaVersion = await carryOver(store, aside.value, journal);
    await aside.value.stop();
    await from.layOutFiles();
    journal = { ...journal, phase: 'swapping', schemaVersion };
    await writeJournal(cluster, journal);
  }
  return granted({ schemaVersion: await finishRestore(store) });
}

/**
 * Ends a restore that came as far as the swap, from wherever it was killed: everything was prepared and decided then.
 * Returns the store's schema version as the last restore left it.
 */
export async function finishRestore(store: Pick<BackedStore, 'cluster' | 'files'>): Promise<number> {
  const { cluster } = store;
  const journal = await readJournal(cluster);
  if (journal?.phase === 'swapping') {
    const prepared = join(cluster.dir, 'restoring', 'data');
    if (await stat(prepared).catch(() => undefined)) await cluster.stop();
    await swap(prepared, cluster.data);
    for (const { dir } of store.files) await swap(`${dir}.restoring`, dir);
    await rm(join(cluster.dir, 'restoring'), { recursive: true, force: true });
    await cluster.start();
    await writeJournal(cluster, { ...journal, phase: 'done' });
  }
  return journal?.schemaVersion ?? 0;
}

/** Puts a prepared folder in the place of another, from wherever an earlier attempt was killed. */
async function swap(prepared: string, place: string): Promise<void> {
  if (!(await stat(prepared).catch(() => undefined))) return; // done before
  if (await stat(place).catch(() => undefined)) {
    await rm(`${place}.before`, { recursive: true, force: true });
    await rename(place, `${place}.before`);
  }
  await rename(prepared, place);
  await syncFolder(dirname(place));
}

/** The rows that aren't the customers', read under this step's fence. `undefined`: a later decision was seen. */
async function controlRows(
  store: Pick<BackedStore, 'cluster' | 'database'>,
  ctx: StepContext,
): Promise<Journal['control'] | undefined> {
  return withClient(await controlConnection(store), async (client) => {
    if (!(await raiseFence(client, ctx))) return undefined;
    const fence = await client.query('select scope, epoch::text, n::text from headgate.fence');
    const route = await client.query('select tenant, slot, epoch::text, n::text from headgate.route');
    return { fence: fence.rows, route: route.rows };
  });
}

async function carryOver(
  { database }: Pick<BackedStore, 'database'>,
  aside: Cluster,
  journal: Journal,
): Promise<number> {
  return withClient(await controlConnection({ cluster: aside, database }), async (client) => {
    await client.query('begin');
    await client.query('truncate headgate.fence, headgate.route');
    await client.query(
      `insert into headgate.fence select scope, epoch, n from jsonb_to_recordset($1::jsonb) as x(scope text, epoch bigint, n bigint)`,
      [JSON.stringify(journal.control.fence)],
    );
    await client.query(
      `insert into headgate.route select tenant, slot, epoch, n from jsonb_to_recordset($1::jsonb) as x(tenant text, slot text, epoch bigint, n bigint)`,
      [JSON.stringify(journal.control.route)],
    );
    const { rows } = await client.query<{ v: number }>(
      'select coalesce(max(version), 0)::int as v from headgate.migration',
    );
    await client.query('commit');
    return rows[0]!.v;
  });
}

async function readJournal(cluster: Cluster): Promise<Journal | undefined> {
  const text = await readIfThere(journalFile(cluster));
  return text === undefined ? undefined : Journal.parse(JSON.parse(text));
}

async function writeJournal(cluster: Cluster, journal: Journal): Promise<void> {
  await writeDurably(journalFile(cluster), `${JSON.stringify(journal)}\n`, 0o600);
}
