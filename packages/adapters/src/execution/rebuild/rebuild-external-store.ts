/**
 * A store on somebody else's server that is lost with it, made anew on the server that a person names for the new place: fetched from
 * its vault, loaded into a database beside the store's name, compared and checked there, and only then given that name. Whatever is
 * wrong leaves no database of the store's name, and an empty one as it was.
 */
import { mkdir, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Trust, WalIdentity } from '@headgate/documents';
import { compareCensus, type ExercisedStore, type RebuildPoint, wrongWithStore } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { scramVerifier } from '../../postgres-cluster/scram-verifier.ts';
import { countRows } from '../census/count-rows.ts';
import { fill, forget, recordMigrations, rename } from '../external-store/bring-back.ts';
import { claimStore, ownClaim } from '../external-store/claim.ts';
import { type ConnectionUrl, clientConfig, readConnectionUrl } from '../external-store/connection-url.ts';
import { DumpManifest } from '../external-store/dump-manifest.ts';
import { ExternalServer, type ExternalStore, type ExternalStoreConfig } from '../external-store/external-store.ts';
import { createDatabase, type Likeness, likenessOf } from '../external-store/likeness.ts';
import { endLeftovers } from '../program-run/leftovers.ts';
import { recordedVersion } from '../rehearsal/copy.ts';
import { controlConnection, fenceScope } from '../store/store-session.ts';
import { choosePoint } from '../vault/choose-point.ts';
import { fetchPoint } from '../vault/fetch-point.ts';
import type { DumpWants } from './point-to-rebuild.ts';
import { type Draft, indexesChecked, ROOM } from './rebuild-store.ts';
import { addressOf, lookAtServer, whatItHolds, whatStandsInTheWay } from './server-of-new-place.ts';

export interface ExternalStoreToRebuild {
  /** By the configuration of the cell in its new place. */
  readonly config: ExternalStoreConfig;
  /** The cell there, whose claim the database gets. Its folder is there. */
  readonly cell: { readonly cell: string; readonly dir: string };
  /** Whose copies in the vault it is made of. */
  readonly of: WalIdentity;
  readonly vault: ObjectStore;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret. */
  readonly identities: readonly string[];
  /** As the plan names it, and what it asks of a server. */
  readonly point: Pick<RebuildPoint, 'id' | 'manifest'>;
  readonly wants: DumpWants;
  /** The server was made to be thrown away: whoever a right names is made there. */
  readonly thrownAway: boolean;
  /** For each part of it. Milliseconds. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called just before it gets its name, with what is known of it. */
  placing(rebuilt: ExercisedStore): Promise<void>;
}

/** How long whoever is in an empty database, or comes back to it, may hold up its new name. Milliseconds. */
const RENAME_MS = 30_000;

/** The store as it is while it is made. */
interface Making {
  readonly url: ConnectionUrl;
  readonly server: ExternalServer;
  readonly aside: ExternalStore;
  /** What an empty database of the store's name is called while it is given away. */
  readonly empty: string;
}

/** Makes it. Throws, in words, why it can't. */
export async function rebuildExternalStore(ask: ExternalStoreToRebuild): Promise<ExercisedStore> {
  const { of, vault, trust, identities, point, config, signal, say } = ask;
  const chosen = await choosePoint(vault, of, point.id, trust, signal);
  if (!chosen.ok) throw new Error(chosen.why);
  const { sealed, manifest: digest } = chosen.unsealing;
  if (digest !== point.manifest)
    throw new Error(`${point.id} isn't the one that the plan names: its manifest is ${digest}, not ${point.manifest}`);
  const making = await makingOf(ask);
  const staging = stagingOf(config);
  try {
    await clearExternal(ask);
    await mkdir(staging, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(staging);
    const needed = sealed.bytes + ROOM;
    if (bavail * bsize < needed)
      throw new Error(`${config.restorePointsDir} has room for ${bavail * bsize} bytes, ${needed} are needed`);
    say(`${of.store}: ${sealed.id} is fetched …`);
    const fetched = await fetchPoint(chosen.unsealing, identities, join(staging, 'points'));
    if (!fetched.ok) throw new Error(fetched.why);
    const { dir } = fetched.value;
    const manifest = DumpManifest.parse(JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')));
    const draft: Draft = {
      ...{ store: of.store, point: sealed.id, manifest: digest, takenAt: sealed.takenAt },
      // A dump of such a store has none beside it.
      ...{ promisedSchema: sealed.schemaVersion, files: { compared: 0, wrong: [] } },
    };
    await load(ask, making, manifest, join(dir, 'dump'));
    await compare(ask, making, manifest, draft);
    const wrong = wrongWithStore(draft);
    if (wrong.length > 0)
      throw new Error(`${sealed.id} doesn't come back as it was promised: ${wrong.slice(0, 5).join('; ')}`);
    await ask.placing(draft);
    await intoPlace(ask, making);
    return draft;
  } catch (error) {
    signal.throwIfAborted();
    throw await inWords(error as Error, ask, making);
  } finally {
    // A server that went away keeps what was made beside the name: the next call clears it.
    await clearExternal(ask).catch(() => rm(staging, { recursive: true, force: true }));
  }
}

function stagingOf({ restorePointsDir }: Pick<ExternalStoreConfig, 'restorePointsDir'>): string {
  return join(restorePointsDir, '.rebuilding');
}

/** Names that only this cell's folder gives: what bears them on the server is what an earlier attempt left. */
async function makingOf({ config, cell, of }: Pick<ExternalStoreToRebuild, 'config' | 'cell' | 'of'>): Promise<Making> {
  const url = await readConnectionUrl(config.url);
  const server = new ExternalServer(config.adminUrl, url.database);
  const { id } = await ownClaim(cell);
  const short = url.database.slice(0, 25);
  const aside: ExternalStore = {
    ...{ name: of.store, cluster: server, database: `${short}__rebuilding_${id}`, user: url.user, keep: 1 },
    ...{ passwordFile: async () => url.password, restorePointsDir: stagingOf(config), toolsDir: config.toolsDir },
  };
  return { url, server, aside, empty: `${short}__was_empty_${id}` };
}

/** Ends the programs that a killed attempt left at work, here. */
export async function endExternalPrograms(config: Pick<ExternalStoreConfig, 'restorePointsDir'>): Promise<void> {
  const staging = stagingOf(config);
  const programs = join(staging, 'programs');
  for (const each of ['.work', ...(await readdir(programs).catch(() => [])).map((name) => join('programs', name))])
    await endLeftovers(join(staging, each));
  await endLeftovers(programs);
}

/** Removes what an attempt left, here and beside the store's name. Throws where its server is away. */
export async function clearExternal(ask: Pick<ExternalStoreToRebuild, 'config' | 'cell' | 'of'>): Promise<void> {
  await endExternalPrograms(ask.config);
  await rm(stagingOf(ask.config), { recursive: true, force: true });
  const { server, aside, empty } = await makingOf(ask);
  const left = await withClient(await server.controlConnection(), async (client) => {
    await forget(client, aside.database);
    const { rowCount } = await client.query('select from pg_database where datname = $1', [empty]);
    return rowCount === 1;
  });
  if (!left) return;
  // Somebody may have come to it meanwhile: then it is theirs, under another name.
  if ((await withClient(await server.controlConnection(empty), whatItHolds)) !== undefined) return;
  await withClient(await server.controlConnection(), (client) => forget(client, empty));
}

/** Its owner, a database beside the name, like the empty one of the name or like the one that is lost, and what the dump holds. */
async function load(ask: ExternalStoreToRebuild, making: Making, manifest: DumpManifest, dump: string): Promise<void> {
  const { config, wants, of, cell, deadlineMs, signal, say } = ask;
  const { server, aside, url } = making;
  const found = await lookAtServer(config, wants, ask.thrownAway ? wants.toolsMajor : undefined);
  const { toolsDir, missingExtensions } = found;
  if (ask.thrownAway && missingExtensions.length > 0)
    throw new Error(
      `the PostgreSQL that exercises bring along has no extension ${missingExtensions.join(', ')}: this store can’t be exercised`,
    );
  // On a server of our own whoever is named is made; elsewhere that is for a person.
  const looked = ask.thrownAway ? { ...found, missingRoles: [] } : found;
  const [wrong] = whatStandsInTheWay(looked, wants, cell.cell, `externalStores.${of.store}`);
  if (wrong !== undefined) throw new Error(`${wrong.where}: ${wrong.why}; ${wrong.unblock}`);
  if (toolsDir === undefined) throw new Error('no pg_restore for it is on this machine');
  say(`${of.store}: it is loaded on ${found.at}, beside its name …`);
  await withClient(await server.controlConnection(), async (client) => {
    if (found.owner === 'missing')
      await client.query(
        `create role ${pg.escapeIdentifier(url.user)} login password ${pg.escapeLiteral(scramVerifier(url.password))}`,
      );
    for (const role of ask.thrownAway ? found.missingRoles : [])
      await client.query(`create role ${pg.escapeIdentifier(role)} nologin`);
    const like = found.there === undefined ? manifest.likeness : await likenessOf(client, url.database);
    await createDatabase(client, aside.database, url.user, like).catch((error) => noLocale(error, found.at, like));
  });
  await letIn(making);
  const until = performance.now() + deadlineMs;
  await fill(aside, manifest, { toolsDir, dump }, { remainingMs: () => until - performance.now(), signal });
  await withClient(await controlConnection(aside), async (client) => {
    await client.query('begin');
    await recordMigrations(client, manifest);
    const { fence } = manifest;
    if (fence !== undefined)
      await client.query('insert into headgate.fence(scope, epoch, n) values ($1, $2, $3)', [
        fenceScope(cell),
        fence.epoch,
        fence.n,
      ]);
    await client.query('commit');
  });
}

function noLocale(error: Error & { code?: string }, at: string, like: Likeness | undefined): never {
  if (like === undefined || !/locale/.test(error.message)) throw error;
  throw new Error(
    `${at} can’t make a database with the collation ${like.collate} (ctype ${like.ctype}): ${error.message}; have that locale installed there, or make the empty database with another one by hand`,
  );
}

/** That its own login is let in, and to that very server; where both go by one address. */
async function letIn({ url, server, aside }: Making): Promise<void> {
  if (addressOf(url) !== addressOf(await server.url())) return;
  await withClient(clientConfig(url, aside.database), (client) => client.query('select')).catch((error: Error) => {
    throw new Error(
      `the login ${url.user} isn’t let in by the password of url: ${error.message}; name its own in url, or give it that one on ${addressOf(url)}`,
    );
  });
}

async function compare(
  { deadlineMs, signal, say, config, of, wants, thrownAway }: ExternalStoreToRebuild,
  { server, aside }: Making,
  { census }: DumpManifest,
  draft: Draft,
): Promise<void> {
  const connection = await controlConnection(aside);
  say(`${of.store}: its rows are compared …`);
  if (census !== undefined) draft.census = compareCensus(census, await countRows(connection, 'dump', signal));
  const version = await withClient(connection, recordedVersion);
  if (version !== undefined) Object.assign(draft, { ownSchema: version, schema: version });
  const able = await withClient(connection, async (client) => {
    const { rowCount } = await client.query(`select from pg_available_extensions where name = 'amcheck'`);
    return rowCount === 1;
  });
  if (!able) {
    say(`${of.store}: tables and indexes aren’t checked: the server has no amcheck`);
    return;
  }
  const found = await indexesChecked({
    ...{ name: of.store, cluster: server, database: aside.database, toolsDir: config.toolsDir },
    ...{ url: { ...(await server.url()), database: aside.database }, staging: stagingOf(config) },
    // A server that an exercise brings along may be newer than every program here.
    ...{ toolsMajor: thrownAway ? wants.toolsMajor : undefined, deadlineMs, signal, say },
  });
  if (found !== undefined) draft.amcheck = found;
}

/** The cell's claim, and then the name, in one transaction with an empty database that has it. */
async function intoPlace({ cell }: ExternalStoreToRebuild, { url, server, aside, empty }: Making): Promise<void> {
  await claimStore(aside, await ownClaim(cell));
  const { database } = url;
  const there = await withClient(await server.controlConnection(), async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    return rowCount === 1;
  });
  const holds = there ? await withClient(await server.controlConnection(database), whatItHolds) : undefined;
  if (holds !== undefined)
    throw new Error(`somebody wrote to the database ${database} meanwhile: it has ${holds}. Nothing is written over`);
  const away: readonly [string, string][] = there ? [[database, empty]] : [];
  await withClient(await server.controlConnection(), (client) =>
    rename(client, [...away, [aside.database, database]], RENAME_MS),
  );
}

/** What failed, and that its server is away now, if it is. */
async function inWords(error: Error, { of }: ExternalStoreToRebuild, { server }: Making): Promise<Error> {
  try {
    await withClient(await server.controlConnection(), (client) => client.query('select'));
    return error;
  } catch (away) {
    const at = await server.url().then(addressOf, () => 'its server');
    const { message, code } = away as Error & { code?: string };
    return new Error(
      `${at} went away (${message || code}) while ${of.store} was made there; the store’s name is as it was. Called again it is made anew`,
      { cause: error },
    );
  }
}
