/** The rehearsal: the story in the order in which it happens. */
import type { Migration } from '@headgate/domain';
import { compareFingerprints, type Fingerprint } from '@headgate/domain/rehearsal/compare';
import { planChanges } from '@headgate/domain/rehearsal/plan-change';
import {
  type Comparison,
  type Pass,
  type RehearsalFacts,
  type RehearsedMigration,
  type RehearsedStore,
  wayBackEnd,
} from '@headgate/domain/rehearsal/rehearsal';
import { analyse, loadParser } from '@headgate/migrations';
import pg from 'pg';
import { readCatalogueOf } from '../../catalogue/read-database.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { closeMigrationLogin, openMigrationLogin, tooMuchRight } from '../store/migration-login.ts';
import { controlConnection, prepareForMigrations, withoutTimeouts } from '../store/store-session.ts';
import { type BusinessAsk, type BusinessRan, runBusiness } from './business/run-business.ts';
import type { Copy } from './copy.ts';
import { fingerprintOf } from './fingerprint.ts';
import { relationsOf } from './looks.ts';
import { planName, plansOf } from './plans.ts';
import { type ProgramToRun, withProgram } from './program-on-copy.ts';
import { heldTables, type PassFile, type PassSetting, runPass } from './run-pass.ts';
import { type Clone, cloneOf } from './under-load/cell-trial.ts';
import type { Load } from './under-load/run-under-load.ts';
import { underLoadOf } from './under-load/under-load-of-cell.ts';

/** A migration with its files' texts. */
export interface MigrationFiles {
  readonly migration: Migration;
  readonly up: string;
  readonly down?: string;
}

export interface RehearsalAsk {
  readonly copy: Copy;
  readonly from: RehearsedStore;
  /** To be applied, in order: each begins where the one before ends. */
  readonly migrations: readonly MigrationFiles[];
  /** What the store has had since the moment that its copy holds, in order: it is run first, and nothing is promised of it. */
  readonly applied?: readonly MigrationFiles[];
  readonly how: 'headgate' | 'psql';
  /** After which waiting for a lock ends. Milliseconds. */
  readonly lockWaitMs: number;
  /** Most tables that are read and written meanwhile. */
  readonly mostTables: number;
  /** The application's heaviest statements, and where they come from. */
  readonly statements: { readonly source: RehearsalFacts['plans']['source']; readonly texts: readonly string[] };
  /** Digest of the rules that the copy was masked by. */
  readonly maskedBy?: `sha256:${string}` | undefined;
  /** The application's own program, where that migrates the store. */
  readonly program?: ProgramToRun | undefined;
  /** The application's business transactions, once all has been compared; or why none are run. */
  readonly business: BusinessAsk | { readonly notRun: string };
  /** How users work while the migrations run once more, interrupted; absent: they don't. */
  readonly underLoad?: Load | undefined;
  readonly now: () => number;
  readonly say: (line: string) => void;
}

/** Connections with which checksums are taken. */
const CONNECTIONS = 2;

/**
 * Runs the migrations forward, back and forward on a copy, which is ours alone. A file that fails ends it, and the facts say
 * so. Throws when the server is broken, or when the migrations' login could do more than the application's owner.
 */
export async function rehearse(ask: RehearsalAsk): Promise<RehearsalFacts> {
  await loadParser();
  if (isBehind(ask)) await onCopy(ask, (client, setting) => catchUp(ask, client, setting));
  const story = (clone?: Clone) => onCopy(ask, (client, setting) => carryOut(ask, client, setting, clone));
  if (ask.underLoad === undefined) return story();
  // Before anybody works with the copy: as it is then, nothing else has it any more.
  const clone = await cloneOf(ask.copy.store);
  try {
    return await story(clone);
  } finally {
    await clone.drop();
  }
}

/** Does `work` with the sessions by which the copy is migrated. */
async function onCopy<T>(ask: RehearsalAsk, work: (client: pg.Client, setting: PassSetting) => Promise<T>): Promise<T> {
  const { copy, how, lockWaitMs, mostTables } = ask;
  const control = await controlConnection(copy.store);
  return withClient(control, async (client) => {
    const login = await prepareForMigrations(client, copy.store);
    if (ask.program !== undefined) {
      // It takes the migrations' login for itself.
      return withProgram(ask.program, copy.store, client, login, (program, own) =>
        work(client, { login: own, settings: [], control, how, program, lockWaitMs, mostTables }),
      );
    }
    const right = await tooMuchRight(client, login);
    if (right !== undefined) throw new Error(`the migrations could do more than their owner's work: ${right}`);
    const password = await openMigrationLogin(client, login);
    // So that the server tells the session how large its temporary files were.
    await client.query(`alter role ${pg.escapeIdentifier(login)} set log_temp_files = 0`);
    const options = await withoutTimeouts(copy.store.cluster);
    const own = await copy.store.cluster.connectionAs({ user: login, password, options }, copy.store.database);
    const settings = [`set role ${pg.escapeIdentifier(copy.store.user)}`, 'set client_min_messages = log'];
    try {
      return await work(client, { login: own, settings, control, how, lockWaitMs, mostTables });
    } finally {
      await closeMigrationLogin(client, login);
    }
  });
}

async function carryOut(
  ask: RehearsalAsk,
  client: pg.Client,
  setting: PassSetting,
  clone: Clone | undefined,
): Promise<RehearsalFacts> {
  const { copy, migrations, statements, say } = ask;
  const { control } = setting;
  await client.query('analyze');
  const { rows: size } = await client.query<{ bytes: number }>(
    'select pg_database_size(current_database())::float8 as bytes',
  );
  say('Checksums of all rows, before …');
  const initial = await fingerprintOf(control, CONNECTIONS);
  // As the application sees it: its rights, its search path.
  const plan = () =>
    withClient(setting.login, async (own) => {
      for (const sql of setting.settings) await own.query(sql);
      return plansOf(own, statements.texts);
    });
  const plansBefore = await plan();
  const up = migrations.map(({ migration, up: text }): PassFile => ({ migration, file: migration.up.name, text }));
  const passes: Pass[] = [];
  const comparisons: Comparison[] = [];
  const back = waysBack(migrations);
  // Where the ways back end: below it there is none, and the schema stays.
  let before = initial;
  const run = async (direction: Pass['direction'], files: readonly PassFile[], tables: readonly string[]) => {
    say(`${WORDS[direction]} …`);
    const pass = await runPass(direction, files, tables, setting, async (done) => {
      if (direction === 'forward' && done > 0 && done === back.end) before = await fingerprintOf(control, CONNECTIONS);
    });
    passes.push(pass);
    return pass.files.every(({ failed }) => failed === undefined);
  };
  let changes: RehearsalFacts['plans']['changes'] = [];
  let compared = 0;
  let after: Fingerprint | undefined;
  const expected =
    setting.program === undefined ? expectedTables(client, up) : largestTables(client, setting.mostTables);
  if (await run('forward', up, await expected)) {
    await client.query('analyze');
    const plansAfter = await plan();
    const planned = statements.texts.map((text, i) => ({ text, before: plansBefore[i]!, after: plansAfter[i]! }));
    changes = planChanges(planned, await rowsOf(client));
    compared = plansBefore.filter(({ ok }) => ok).length;
    if (back.files.length > 0 || clone !== undefined) after = await fingerprintOf(control, CONNECTIONS);
    if (back.files.length > 0 && after !== undefined) {
      const held = passes.flatMap(heldTables);
      if (await run('back', back.files, held)) {
        comparisons.push({
          what: 'back',
          differences: compareFingerprints(before, await fingerprintOf(control, CONNECTIONS)),
        });
        if (await run('forward-again', up.slice(back.end), held))
          comparisons.push({
            what: 'again',
            differences: compareFingerprints(after, await fingerprintOf(control, CONNECTIONS)),
          });
      }
    }
  }
  const first = migrations[0]?.migration.from ?? copy.schemaVersion ?? 0;
  // Last: what they write is in nobody's comparison.
  const business = await businessOf(ask, client, passes);
  const forward = passes[0];
  const loaded = clone && (await underLoadOf(ask, { clone, forward, before: initial, after }));
  return {
    at: ask.now(),
    from: ask.from,
    copy: {
      ...copy.origin,
      server: await copy.store.cluster.major(),
      bytes: size[0]?.bytes ?? 0,
      rows: initial.tables.reduce((sum, { rows }) => sum + rows, 0),
      readyMs: copy.readyMs,
      ...(ask.maskedBy === undefined ? {} : { maskedBy: ask.maskedBy }),
    },
    runner: ask.how,
    schema: { from: first, to: migrations.at(-1)?.migration.to ?? first },
    migrations: migrations.map(rehearsedOf),
    passes,
    comparisons,
    plans: {
      compared,
      source: statements.source,
      changes,
    },
    ...(business.facts === undefined ? {} : { business: business.facts }),
    ...(loaded?.facts === undefined ? {} : { underLoad: loaded.facts }),
    missing: [...missing(ask), ...business.missing, ...(loaded?.missing ?? [])],
  };
}

/** On the copy as the last way forward left it. */
async function businessOf(
  { business, copy, migrations }: RehearsalAsk,
  client: pg.Client,
  passes: readonly Pass[],
): Promise<BusinessRan> {
  const none = (why: string): BusinessRan => ({ missing: [`no business transactions were run: ${why}`] });
  if ('notRun' in business) return none(business.notRun);
  const last = passes.at(-1);
  const schema = migrations.at(-1)?.migration.to;
  const there =
    last !== undefined && last.direction !== 'back' && last.files.every(({ failed }) => failed === undefined);
  if (!there || schema === undefined) return none('the copy didn’t come to the new schema');
  await record(client, migrations);
  return runBusiness(business, copy.store, schema);
}

/** An application may ask for its schema's version. */
async function record(client: pg.Client, migrations: readonly MigrationFiles[]): Promise<void> {
  for (const { id, to, up } of migrations.map(({ migration }) => migration))
    await client.query(
      `insert into headgate.migration(version, id, digest, applied_by) values ($1, $2, $3, 'rehearsal') on conflict do nothing`,
      [to, id, up.digest],
    );
}

function isBehind({ applied = [] }: RehearsalAsk): boolean {
  return applied.length > 0;
}

/** A restore point from before the store's last migrations: the copy gets them first, or they would be promised once more. */
async function catchUp({ applied = [], say }: RehearsalAsk, client: pg.Client, setting: PassSetting): Promise<void> {
  say(`What the store has had since is run first: ${applied.map(({ migration }) => migration.id).join(', ')} …`);
  const files = applied.map(({ migration, up: text }): PassFile => ({ migration, file: migration.up.name, text }));
  const { files: ran } = await runPass('forward', files, [], setting);
  const failed = ran.find((each) => each.failed !== undefined);
  if (failed?.failed !== undefined)
    throw new Error(
      `the copy can’t be brought to where the store is: ${failed.file} failed: ${failed.failed.why}; take a restore point, and rehearse on that`,
    );
  await record(client, applied);
}

export const WORDS: Readonly<Record<Pass['direction'], string>> = {
  forward: 'Forward',
  back: 'Back',
  'forward-again': 'Forward again',
};

/** The files of the way back, last migration first, and how many of the migrations stay: as far as a promotion goes back. */
function waysBack(migrations: readonly MigrationFiles[]): {
  readonly files: readonly PassFile[];
  readonly end: number;
} {
  const { end, ways } = wayBackEnd(migrations.map(({ migration }) => migration));
  const files = (ways === 0 ? [] : migrations.slice(end)).toReversed().flatMap(({ migration, down }): PassFile[] => {
    const { down: file } = migration;
    return file === undefined || down === undefined ? [] : [{ migration, file: file.name, text: down }];
  });
  return { files, end };
}

/** Those that have a way back below one that has none: nobody takes them from under it. */
function notLedBack(migrations: readonly MigrationFiles[]): readonly string[] {
  const { end, ways } = wayBackEnd(migrations.map(({ migration }) => migration));
  const staying = ways === 0 ? migrations : migrations.slice(0, end);
  return staying.flatMap(({ migration: { id, down } }) => (down === undefined ? [] : [id]));
}

/** What a way back says of itself: `-- headgate:lossy the notes are gone`, in a document behind `#`. */
const LOSSY = /^[ \t]*(?:--|#)[ \t]*headgate:lossy\b[ \t:]*(.*)$/im;

export function rehearsedOf({ migration, down }: MigrationFiles): RehearsedMigration {
  const { id, from, to, phase, undo, up } = migration;
  const said = down === undefined ? undefined : LOSSY.exec(down)?.[1]?.trim();
  return {
    id,
    from,
    to,
    phase,
    undo,
    up: up.digest,
    ...(migration.down === undefined ? {} : { down: migration.down.digest }),
    ...(said === undefined ? {} : { lossy: said.slice(0, 200) || 'it doesn’t say what' }),
  };
}

/** Tables that the files will keep others from, as far as their text tells: so that somebody is there before. */
async function expectedTables(client: pg.Client, files: readonly PassFile[]): Promise<readonly string[]> {
  const catalogue = await readCatalogueOf(client);
  const report = analyse(
    files.map(({ file, text }) => ({ name: file, text })),
    { catalogue: { ...catalogue, searchPath: ['public'] } },
  );
  const keys = report.files.flatMap(({ statements }) =>
    statements.flatMap(
      ({ effects }) => effects?.locks.filter(({ fresh }) => !fresh).map(({ relation }) => relation) ?? [],
    ),
  );
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname || '.' || c.relname = any($1) order by c.relpages desc`,
    [keys],
  );
  return rows.map(({ name }) => name);
}

/** What a program will lock nobody knows before: half of the places are for what is largest, the others for what turns up. */
export async function largestTables(client: pg.Client, mostTables: number): Promise<readonly string[]> {
  const tables = [...(await relationsOf(client)).values()].filter(({ kind }) => kind === 'r');
  const largest = tables.sort((a, b) => b.bytes - a.bytes).slice(0, Math.ceil(mostTables / 2));
  return largest.map(({ name }) => name);
}

/** The server's estimates, by the names that plans have. */
export async function rowsOf(client: pg.Client): Promise<Readonly<Record<string, number>>> {
  const { rows } = await client.query<{ schema: string; name: string; rows: number }>(
    `select n.nspname as schema, c.relname as name, greatest(c.reltuples, 0)::float8 as rows
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm')`,
  );
  return Object.fromEntries(rows.map(({ schema, name, rows: count }) => [planName(schema, name), count]));
}

function missing({ statements, maskedBy, migrations, applied = [] }: RehearsalAsk): readonly string[] {
  const without = migrations.filter(({ down }) => down === undefined).map(({ migration }) => migration.id);
  const unrun = notLedBack(migrations);
  const [from, to] = [applied[0]?.migration.from, applied.at(-1)?.migration.to];
  return [
    ...(applied.length > 0
      ? [
          `the store is at schema ${to}, and its copy was at ${from}: ${applied.map(({ migration }) => migration.id).join(', ')} ran on it first, and nothing is promised of that; a newer restore point has the rows as they are`,
        ]
      : []),
    ...(without.length > 0 && migrations.length > 0
      ? [`no way back of ${without.join(', ')} was run: the release has none`]
      : []),
    ...(unrun.length > 0
      ? [`nor the way back of ${unrun.join(', ')}: a promotion goes back from the last one as far as each has one`]
      : []),
    ...(statements.source === 'none' ? ['no plans were compared: no statements of the application are known'] : []),
    ...(maskedBy === undefined ? ['the copy wasn’t masked'] : []),
  ];
}
