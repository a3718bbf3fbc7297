/** CREATE and ALTER PUBLICATION, and whatever takes from published tables what their rows are told apart by: UPDATE and DELETE are refused then. */
import type { AlterPublicationStmt, CreatePublicationStmt, Node } from 'libpg-query';
import type { Publication, Published, TriggerEvent } from '../catalogue/catalogue.ts';
import { MOST_PUBLICATIONS, type Refusal, refusalOf } from '../catalogue/publications.ts';
import type { TableState } from '../catalogue/table-state.ts';
import { as, option, quoted, strings, written } from '../parse/nodes.ts';
import { columnsIn } from './column-definition.ts';
import { fails, holderText, isWhole, MOST_OF_TABLE } from './names/taken-name.ts';
import { type Family, isUnsure, relationIn, type Scene, tree } from './scene.ts';

/** As many tables are named in one finding; the rest are counted. */
const MOST_NAMED = 10;
const TOO_MANY = 'so many changes of what is published aren’t looked at: which tables they break isn’t known';
const ALL: readonly TriggerEvent[] = ['insert', 'update', 'delete', 'truncate'];

/** What PostgreSQL refuses to do with a table for its being published. */
function refused(table: TableState, { schema }: Scene): Refusal | 'unknown' | undefined {
  if (!schema.publications.any) return undefined;
  return refusalOf(
    table,
    schema.publications.of(table, (key) => schema.byKey(key)),
  );
}

/** Runs what changes tables or publications, and says of which of the tables running code can't change rows any more. */
export function watchPublished(scene: Scene, tables: readonly TableState[], work: () => void): void {
  const { schema, does } = scene;
  if (tables.length === 0) {
    work();
    return;
  }
  const before = new Map(tables.map((table) => [table.key, refused(table, scene)]));
  work();
  const certain = new Map<string, string[]>();
  const possible: string[] = [];
  for (const [key, was] of before) {
    const table = schema.byKey(key);
    if (table === undefined || table.fresh) continue;
    const is = refused(table, scene);
    if (is === 'unknown' && was === undefined) possible.push(key);
    if (is === undefined || is === 'unknown') continue;
    const gone = is.events.filter((event) => was === undefined || was === 'unknown' || !was.events.includes(event));
    if (gone.length === 0) continue;
    const what = gone.map((event) => event.toUpperCase()).join(' and ');
    certain.set(`${what}\n${is.why}`, [...(certain.get(`${what}\n${is.why}`) ?? []), key]);
  }
  for (const [reason, keys] of certain) {
    const [what, why = ''] = reason.split('\n');
    does.breaks('certain', `${what} of running code fail on ${listed(keys)}: published, and ${why}`);
    does.safely(
      'break',
      'Give the table a primary key, or another replica identity, before it is published. FULL needs no key, and costs more for each row.',
      ...keys.slice(0, 1).map((key) => `ALTER TABLE ${nameOf(schema.byKey(key), key)} REPLICA IDENTITY FULL;`),
    );
  }
  if (possible.length > 0)
    does.breaks(
      'possible',
      `UPDATE and DELETE of running code fail on ${listed(possible)}, unless it has a primary key or a replica identity`,
    );
}

function nameOf(table: TableState | undefined, key: string): string {
  return table === undefined ? key : written(table);
}

function listed(keys: readonly string[]): string {
  const more = keys.length - MOST_NAMED;
  return `${keys.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Says that a statement fails which changes rows of a published table that PostgreSQL refuses to change. */
export function failsIfPublished(table: TableState, event: 'update' | 'delete', scene: Scene): void {
  for (const each of tree(scene, table)) {
    const refusal = refused(each, scene);
    if (refusal === undefined || refusal === 'unknown' || !refusal.events.includes(event)) continue;
    const why = `${event.toUpperCase()} of ${each.key} is refused: it is published, and ${refusal.why}`;
    // A partition is looked at when a row of it is changed, a table always.
    if (each.parents.length === 0) fails(scene, why);
    else scene.does.remark('fails', 'warning', `if a row of it is changed, it fails: ${why}`);
    return;
  }
}

/** What a statement names. */
interface Objects {
  readonly tables: readonly { readonly table: TableState; readonly as: Omit<Published, 'by'> }[];
  readonly schemas: readonly string[];
}

function objectsIn(nodes: readonly Node[] | undefined, scene: Scene): Objects {
  const tables: { readonly table: TableState; readonly as: Omit<Published, 'by'> }[] = [];
  const schemas: string[] = [];
  for (const node of nodes ?? []) {
    const { pubobjtype, pubtable, name } = as(node, 'PublicationObjSpec') ?? {};
    if (pubobjtype === 'PUBLICATIONOBJ_TABLES_IN_SCHEMA' && name !== undefined) schemas.push(name);
    else if (pubobjtype === 'PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA')
      schemas.push(scene.schema.qualified({ name: '' }).schema);
    const table = pubtable === undefined ? undefined : relationIn(scene, pubtable.relation);
    if (table === undefined || pubtable === undefined) continue;
    const only = pubtable.relation?.inh !== true || table.kind === 'partitioned';
    const published = {
      ...(pubtable.columns === undefined ? {} : { columns: strings(pubtable.columns) }),
      ...(pubtable.whereClause === undefined ? {} : { filters: columnsIn(pubtable.whereClause) }),
    };
    for (const each of tree(scene, table, only)) {
      scene.does.lock(each, 'SHARE UPDATE EXCLUSIVE');
      tables.push({ table: each, as: published });
    }
  }
  return { tables, schemas };
}

function publishesIn(options: readonly Node[] | undefined): readonly TriggerEvent[] | undefined {
  const given = as(option(options, 'publish'), 'String')?.sval;
  return given === undefined
    ? undefined
    : ALL.filter((event) => given.split(',').some((each) => each.trim().toLowerCase() === event));
}

/** The tables whose being published a statement may change. */
function reachedBy(
  { tables, schemas }: Pick<Objects, 'tables' | 'schemas'>,
  all: boolean,
  scene: Scene,
): readonly TableState[] {
  const { schema, does } = scene;
  if ((all || schemas.length > 0) && (!schema.complete || !schema.publications.mayLook())) {
    if (schema.complete) does.notKnown(TOO_MANY);
    else
      does.breaks(
        'possible',
        'UPDATE and DELETE of running code fail on published tables that have neither a primary key nor a replica identity',
      );
  } else if (all) return schema.all();
  const within = new Map(
    (schema.complete ? schemas : []).flatMap((name) =>
      schema
        .within(name)
        .flatMap((table) => tree(scene, table, table.kind !== 'partitioned'))
        .map((table) => [table.key, table]),
    ),
  );
  for (const { table } of tables)
    for (const each of tree(scene, table, table.kind !== 'partitioned')) within.set(each.key, each);
  return [...within.values()];
}

/** Puts what a statement leaves; where it may not come to it, what was published before stays so, too. */
function put(scene: Scene, publication: Publication): void {
  const { publications } = scene.schema;
  const before = publications.get(publication.name);
  if (scene.schema.isTrying) return;
  if (!isUnsure(scene) || before === undefined) publications.put(publication);
  else
    publications.put({
      ...before,
      ...publication,
      schemas: [...new Set([...(before.schemas ?? []), ...(publication.schemas ?? [])])],
      publishes: ALL.filter((event) => before.publishes.includes(event) || publication.publishes.includes(event)),
    });
}

function publish(scene: Scene, by: string, { tables }: Objects): void {
  for (const { table, as: how } of tables) {
    const now = scene.schema.byKey(table.key) ?? table;
    if (now.published.length >= MOST_OF_TABLE) {
      scene.does.notKnown(`${table.key} is in ${MOST_OF_TABLE} publications, and more aren’t looked at`);
      return;
    }
    scene.schema.put({ ...now, published: [...now.published.filter((each) => each.by !== by), { by, ...how }] });
  }
}

/** Says which of the tables can’t be published. */
function failsForKind({ tables }: Objects, scene: Scene): void {
  for (const { table } of tables) {
    if (!table.known && !scene.schema.complete) continue;
    if (table.kind !== 'table' && table.kind !== 'partitioned')
      fails(scene, `${table.key} is ${holderText({ kind: table.kind, relation: table })}, and can’t be published`);
    else if (table.unlogged || table.schema === 'pg_temp')
      fails(scene, `${table.key} is ${table.unlogged ? 'unlogged' : 'temporary'}, and can’t be published`);
  }
}

export const createPublication: Family<CreatePublicationStmt> = (statement, scene) => {
  const { pubname: name = '', options, pubobjects, for_all_tables } = statement;
  const { publications } = scene.schema;
  if (publications.get(name) !== undefined) return fails(scene, `there is a publication ${quoted(name)} already`);
  if (publications.isFull)
    return scene.does.notKnown(`the files make ${MOST_PUBLICATIONS} publications, and more aren’t looked at`);
  const objects = objectsIn(pubobjects, scene);
  failsForKind(objects, scene);
  const all = for_all_tables === true;
  watchPublished(scene, reachedBy(objects, all, scene), () => {
    put(scene, {
      name,
      ...(all ? { allTables: true as const } : {}),
      ...(objects.schemas.length === 0 ? {} : { schemas: objects.schemas }),
      publishes: publishesIn(options) ?? ALL,
    });
    publish(scene, name, objects);
  });
};

export const alterPublication: Family<AlterPublicationStmt> = (statement, scene) => {
  const { pubname: name = '', options, pubobjects, action } = statement;
  const { schema, does } = scene;
  const before = schema.publications.get(name);
  if (before === undefined && schema.publications.known) return fails(scene, `there is no publication ${quoted(name)}`);
  const objects = objectsIn(pubobjects, scene);
  // Of one that nobody knows, its tables aren’t known either: what is named here is.
  const publication = before ?? { name, publishes: ALL };
  const publishes = publishesIn(options);
  if (options !== undefined) {
    if (publishes === undefined) return;
    if (!schema.publications.mayLook()) {
      does.notKnown(TOO_MANY);
      return;
    }
    const named = schema.all().filter(({ published }) => published.some(({ by }) => by === name));
    const reached = reachedBy(
      { tables: named.map((table) => ({ table, as: {} })), schemas: publication.schemas ?? [] },
      publication.allTables === true,
      scene,
    );
    lessIsTold(
      publication.publishes.some((event) => !publishes.includes(event)),
      name,
      scene,
    );
    return watchPublished(scene, reached, () => put(scene, { ...publication, publishes }));
  }
  if (publication.allTables === true)
    return fails(scene, `the publication ${quoted(name)} is of all tables: none can be added to it or taken from it`);
  if (action !== 'AP_DropObjects') failsForKind(objects, scene);
  for (const { table } of objects.tables) {
    const member = table.published.some(({ by }) => by === name);
    if (action === 'AP_AddObjects' && member)
      fails(scene, `${table.key} is in the publication ${quoted(name)} already`);
    if (action === 'AP_DropObjects' && !member && schema.publications.known && isWhole(table, schema))
      fails(scene, `${table.key} isn’t in the publication ${quoted(name)}`);
  }
  lessIsTold(action !== 'AP_AddObjects', name, scene);
  if (action === 'AP_SetObjects' && !schema.publications.mayLook()) {
    does.notKnown(TOO_MANY);
    return;
  }
  watchPublished(scene, reachedBy(objects, false, scene), () => {
    if (action !== 'AP_AddObjects')
      withdraw(scene, name, action === 'AP_DropObjects' ? objects.tables.map(({ table }) => table) : schema.all());
    const old = publication.schemas ?? [];
    const left = action === 'AP_DropObjects' ? old.filter((each) => !objects.schemas.includes(each)) : objects.schemas;
    put(scene, {
      ...publication,
      schemas: action === 'AP_AddObjects' ? [...new Set([...old, ...objects.schemas])] : left,
    });
    if (action !== 'AP_DropObjects') publish(scene, name, objects);
  });
  if (before === undefined && !schema.publications.known && schema.complete)
    does.notKnown(`what the publication ${quoted(name)} publishes isn’t in the catalogue: write it again`);
};

function withdraw(scene: Scene, name: string, tables: readonly TableState[]): void {
  for (const { key } of tables) {
    const now = scene.schema.byKey(key);
    if (now?.published.some(({ by }) => by === name) !== true) continue;
    scene.schema.put({ ...now, published: now.published.filter(({ by }) => by !== name) });
  }
}

function lessIsTold(less: boolean, name: string, scene: Scene): void {
  if (less) scene.does.breaks('possible', `subscribers of ${quoted(name)} are told less than before`);
}

/** DROP PUBLICATION. */
export function dropPublication(name: string, missingOk: boolean, scene: Scene): void {
  const { publications, isTrying } = scene.schema;
  if (publications.get(name) === undefined && publications.known) {
    if (!missingOk) fails(scene, `there is no publication ${quoted(name)}`);
    return;
  }
  scene.does.breaks('certain', `subscribers of ${quoted(name)} are told nothing any more, and fail`, name);
  scene.does.safely('break', 'Drop the subscriptions first.');
  if (!isUnsure(scene) && !isTrying) publications.remove(name);
}
