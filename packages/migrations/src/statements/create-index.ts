import type { IndexStmt } from 'libpg-query';
import { quoted } from '../parse/nodes.ts';
import { chosenName, indexColumnsName } from './names/chosen-name.ts';
import { indexOf } from './names/same-index.ts';
import { isFull, isIndexTaken } from './names/taken-name.ts';
import { callsIn } from './queries.ts';
import { breaksIfUsed, type Family, lockAll, relationIn, type Scene, tree } from './scene.ts';

/** CREATE INDEX reads every row; writers wait for it unless it is CONCURRENTLY, which no transaction takes. */
export const createIndex: Family<IndexStmt> = (statement, scene) => {
  const { does, schema } = scene;
  const table = relationIn(scene, statement.relation);
  if (table === undefined) return;
  if (isFull(scene, table)) return;
  const concurrent = statement.concurrent === true;
  const tables = tree(scene, table, statement.relation?.inh !== true);
  const name = statement.idxname ?? nameFor(statement, table, scene);
  const index = indexOf(statement, name);
  lockAll(scene, table.kind === 'partitioned' ? tables : [table], concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE');
  if (concurrent) does.outsideTransaction('CREATE INDEX CONCURRENTLY waits for every other transaction');
  if (concurrent && table.kind === 'partitioned')
    does.remark(
      'fails',
      'error',
      'an index of a partitioned table can’t be built CONCURRENTLY: build it so on each partition',
    );
  const tolerant = statement.if_not_exists === true;
  const taken = isIndexTaken(scene, table, index, tolerant);
  if (taken && tolerant) return;
  callsIn([statement.indexParams, statement.whereClause], scene);
  for (const each of table.kind === 'partitioned' ? tables : [table])
    does.work('index-build', each, `the index ${quoted(name)} is built`);
  if (index.unique)
    breaksIfUsed(
      scene,
      table,
      'possible',
      `running code may write the same ${index.columns
        .slice(0, index.columns.length - (index.included ?? 0))
        .map(quoted)
        .join(', ')} twice to ${table.key}`,
    );
  if (!concurrent && !table.fresh && table.kind !== 'partitioned')
    does.safely(
      ['lock', 'queue'],
      'CONCURRENTLY, in a file of its own that runs outside of a transaction and says so; an index that it leaves INVALID is dropped and built again.',
      '-- headgate:no-transaction',
      concurrently(statement, name, scene),
    );
  if (!taken) schema.put({ ...table, indexes: [...table.indexes, index] });
};

/** As PostgreSQL would name it. */
function nameFor(
  { indexParams, indexIncludingParams }: IndexStmt,
  table: { readonly schema: string; readonly name: string },
  { schema }: Scene,
): string {
  const columns = indexColumnsName([...(indexParams ?? []), ...(indexIncludingParams ?? [])]);
  return chosenName(table.name, columns, 'idx', {
    numbers: schema.numbers,
    scope: table.schema,
    isTaken: (name) => schema.isTaken(table.schema, name),
  });
}

/** The statement, CONCURRENTLY, and with a name: what runs outside of a transaction has to be found again by it. */
function concurrently({ idxname }: IndexStmt, name: string, { text }: Scene): string {
  const begins = /^(create\s+(?:unique\s+)?index)\s+/i;
  return text
    .trim()
    .replace(begins, (_, words) => `${words} CONCURRENTLY ${idxname === undefined ? `${quoted(name)} ` : ''}`)
    .replace(/;?$/, ';');
}
