import type { IndexStmt } from 'libpg-query';
import { as, quoted } from '../parse/nodes.ts';
import { columnsIn } from './column-definition.ts';
import { callsIn } from './queries.ts';
import { breaksIfUsed, type Family, lockAll, relationIn, tree } from './scene.ts';

/** CREATE INDEX reads every row; writers wait for it unless it is CONCURRENTLY, which no transaction takes. */
export const createIndex: Family<IndexStmt> = (statement, scene) => {
  const { does, schema } = scene;
  const table = relationIn(scene, statement.relation);
  if (table === undefined) return;
  const concurrent = statement.concurrent === true;
  const tables = tree(scene, table, statement.relation?.inh !== true);
  const params = (statement.indexParams ?? []).flatMap((node) => as(node, 'IndexElem') ?? []);
  const columns = params.flatMap(({ name }) => name ?? []);
  const computed = statement.whereClause !== undefined || params.some(({ expr }) => expr !== undefined);
  const name = statement.idxname ?? [table.name, ...columns, 'idx'].join('_');
  lockAll(scene, table.kind === 'partitioned' ? tables : [table], concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE');
  if (concurrent) does.outsideTransaction('CREATE INDEX CONCURRENTLY waits for every other transaction');
  if (concurrent && table.kind === 'partitioned')
    does.remark(
      'fails',
      'error',
      'an index of a partitioned table can’t be built CONCURRENTLY: build it so on each partition',
    );
  if (statement.if_not_exists === true && schema.tableOfIndex({ schema: table.schema, name }) !== undefined) return;
  callsIn([statement.indexParams, statement.whereClause], scene);
  for (const each of table.kind === 'partitioned' ? tables : [table])
    does.work('index-build', each, `the index ${quoted(name)} is built`);
  if (statement.unique === true)
    breaksIfUsed(
      scene,
      table,
      'possible',
      `running code may write the same ${columns.map(quoted).join(', ')} twice to ${table.key}`,
    );
  if (!concurrent && !table.fresh && table.kind !== 'partitioned')
    does.safely(
      'CONCURRENTLY, in a file of its own that runs outside of a transaction and says so; an index that it leaves INVALID is dropped and built again.',
      '-- headgate:no-transaction',
      `${scene.text
        .trim()
        .replace(/^(create\s+(?:unique\s+)?index)\s+/i, '$1 CONCURRENTLY ')
        .replace(/;?$/, ';')}`,
    );
  const reads = [...new Set([...columns, ...columnsIn([statement.indexParams, statement.whereClause])])];
  schema.put({
    ...table,
    indexes: [...table.indexes, { name, columns, reads, unique: statement.unique === true, computed, valid: true }],
  });
};
