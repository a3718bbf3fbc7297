import type { ClusterStmt, CommentStmt, CreateStatsStmt, LockStmt, Node, ReindexStmt, VacuumStmt } from 'libpg-query';
import type { TableState } from '../catalogue/table-state.ts';
import { blocksWrites, LOCK_MODES, whoWaits } from '../effects/lock-modes.ts';
import { as, isOn, nameOf, option, quoted, strings } from '../parse/nodes.ts';
import { failsIfNoIndex } from './names/missing-name.ts';
import { failsWithoutIndex } from './names/taken-name.ts';
import { type Family, lockAll, relationIn, type Scene, tree } from './scene.ts';

/** VACUUM and ANALYZE. FULL writes everything again under the strongest lock. */
export const vacuum: Family<VacuumStmt> = (statement, scene) => {
  const { does } = scene;
  const full = isOn(statement.options, 'full');
  if (statement.is_vacuumcmd === true) does.outsideTransaction('VACUUM begins and ends transactions of its own');
  const named = (statement.rels ?? []).flatMap((node) => as(node, 'VacuumRelation')?.relation ?? []);
  const tables = named.length === 0 ? everyTable(scene) : named.flatMap((range) => relationIn(scene, range) ?? []);
  for (const table of tables.flatMap((each) => tree(scene, each))) {
    does.lock(table, full ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE');
    if (full) does.work('rewrite', table, 'VACUUM FULL writes it again');
    else if (statement.is_vacuumcmd === true) does.work('read', table, 'VACUUM reads it');
  }
  if (full && tables.some(({ fresh }) => !fresh))
    does.safely(['lock', 'queue'], 'Plain VACUUM blocks nobody; to give space back while others work, pg_repack.');
};

export const cluster: Family<ClusterStmt> = ({ relation, indexname }, scene) => {
  const tables = relation === undefined ? everyTable(scene) : [relationIn(scene, relation)];
  if (relation === undefined)
    scene.does.outsideTransaction('CLUSTER of everything begins and ends transactions of its own');
  for (const table of tables) {
    if (table === undefined) continue;
    if (table.kind === 'partitioned')
      scene.does.outsideTransaction('CLUSTER of a partitioned table begins and ends transactions of its own');
    if (indexname !== undefined) failsIfNoIndex(scene, table, indexname);
    lockAll(scene, tree(scene, table), 'ACCESS EXCLUSIVE');
    for (const each of tree(scene, table))
      scene.does.work('rewrite', each, 'CLUSTER writes it again in the order of an index');
  }
  scene.does.safely(['lock', 'queue'], 'pg_repack orders a table while others work; or take a window.');
};

export const reindex: Family<ReindexStmt> = (statement, scene) => {
  const { does, schema } = scene;
  const concurrent = isOn(statement.params, 'concurrently');
  if (concurrent) does.outsideTransaction('REINDEX CONCURRENTLY waits for every other transaction');
  const one = statement.kind === 'REINDEX_OBJECT_INDEX' || statement.kind === 'REINDEX_OBJECT_TABLE';
  if (!one) does.outsideTransaction('REINDEX of so much begins and ends transactions of its own');
  let tables: readonly TableState[];
  if (statement.kind === 'REINDEX_OBJECT_INDEX') {
    const table = schema.tableOfIndex(nameOf(statement.relation));
    if (table === undefined) failsWithoutIndex(scene, nameOf(statement.relation));
    tables = table === undefined ? [] : [table];
  } else if (one) {
    const table = relationIn(scene, statement.relation);
    if (table?.kind === 'partitioned')
      does.outsideTransaction('REINDEX of a partitioned table begins and ends transactions of its own');
    tables = table === undefined ? [] : tree(scene, table);
  } else tables = statement.kind === 'REINDEX_OBJECT_SCHEMA' ? schema.within(statement.name ?? '') : everyTable(scene);
  for (const table of tables) {
    does.lock(table, concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE');
    does.work('index-build', table, 'indexes are built again (and nothing that would use them is planned meanwhile)');
  }
  if (!concurrent && tables.some(({ fresh }) => !fresh))
    does.safely(
      ['lock', 'queue'],
      'REINDEX … CONCURRENTLY, outside of a transaction.',
      `${scene.text
        .trim()
        .replace(/^(reindex\s+(?:\([^)]*\)\s*)?(?:index|table|schema|database))\s+/i, '$1 CONCURRENTLY ')
        .replace(/;?$/, ';')}`,
    );
};

/** LOCK is for what comes after it: it is held until the transaction ends. */
export const lockTable: Family<LockStmt> = ({ relations, mode }, scene) => {
  const name = LOCK_MODES[(mode ?? 8) - 1] ?? 'ACCESS EXCLUSIVE';
  for (const node of relations ?? []) {
    const range = as(node, 'RangeVar');
    const table = relationIn(scene, range);
    if (table === undefined) continue;
    lockAll(scene, tree(scene, table, range?.inh !== true), name);
    if (blocksWrites(name) && !table.fresh) {
      scene.does.remark(
        'explicit-lock',
        'error',
        `from here to the end of the transaction ${whoWaits(name)} (${table.key})`,
      );
      scene.does.safely(
        ['held', 'lock', 'queue'],
        'Most statements take the lock that they need themselves, for as long as they need it: leave LOCK out.',
      );
    }
  }
};

/** Comments and extended statistics: a lock that no reader or writer waits for. */
export const comment: Family<CommentStmt> = ({ objtype, object }, scene) => {
  const parts = strings(as(object, 'List')?.items);
  const name =
    objtype === 'OBJECT_COLUMN' || objtype === 'OBJECT_TABCONSTRAINT' || objtype === 'OBJECT_TRIGGER'
      ? parts.slice(0, -1)
      : parts;
  if (!['OBJECT_TABLE', 'OBJECT_COLUMN', 'OBJECT_VIEW', 'OBJECT_MATVIEW'].includes(objtype ?? '')) return;
  const table = scene.schema.find({ schema: name.at(-2), name: name.at(-1) ?? '' });
  if (table !== undefined) scene.does.lock(table, 'SHARE UPDATE EXCLUSIVE');
};

export const createStatistics: Family<CreateStatsStmt> = ({ relations }, scene) => {
  for (const node of relations ?? []) {
    const table = relationIn(scene, as(node, 'RangeVar'));
    if (table !== undefined) scene.does.lock(table, 'SHARE UPDATE EXCLUSIVE');
  }
};

/** All tables, when nothing is named. */
function everyTable(scene: Scene): readonly TableState[] {
  if (!scene.schema.complete) scene.does.notKnown('it is done to every table, and which there are isn’t known');
  return scene.schema.all().filter(({ kind }) => kind === 'table' || kind === 'materialized-view');
}

/** What is only known when it runs, or by nobody. */
export function opaque(what: string): Family<unknown> {
  return (_content, scene) => scene.does.notKnown(what);
}

/** What never runs in a transaction block. */
export function alone(what: string): Family<unknown> {
  return (_content, scene) => scene.does.outsideTransaction(`${what} runs by itself alone`);
}

/** Its options concern sessions that begin later; another tablespace copies all of it. */
export const alterDatabase: Family<{ readonly options?: Node[] }> = ({ options }, { does }) => {
  if (option(options, 'tablespace') === undefined)
    return does.breaks('possible', 'sessions of running code may be refused');
  does.outsideTransaction('ALTER DATABASE … SET TABLESPACE runs by itself alone');
  does.notKnown('the whole database is copied, while nobody is connected to it');
};

/** A subscription copies the tables that it subscribes to, and makes a slot where they are published. */
export const createSubscription: Family<{ readonly options?: Node[] }> = ({ options }, { does }) => {
  const slot = option(options, 'create_slot') === undefined || isOn(options, 'create_slot');
  if (slot && (option(options, 'connect') === undefined || isOn(options, 'connect')))
    does.outsideTransaction('CREATE SUBSCRIPTION makes a replication slot at the publisher');
  does.notKnown('what a subscription writes to its tables, the publisher decides');
};

export function mayBreak(what: string): Family<unknown> {
  return (_content, scene) => scene.does.breaks('possible', what);
}

export const dropDatabase: Family<{ readonly dbname?: string }> = ({ dbname }, scene) => {
  scene.does.outsideTransaction('DROP DATABASE runs by itself alone');
  scene.does.destroys(`the database ${quoted(dbname ?? '')}`);
};

export const explain: Family<{ readonly query?: Node; readonly options?: Node[] }> = ({ query, options }, scene) => {
  // ANALYZE carries the statement out.
  if (query !== undefined && isOn(options, 'analyze')) scene.run(query, scene.text);
};
