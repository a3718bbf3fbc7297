/** Foreign keys: rows that refer to what is changed or deleted are looked for, and follow where the key says so. */
import type { Node } from 'libpg-query';
import type { Constraint, KeyAction } from '../catalogue/catalogue.ts';
import type { TableState } from '../catalogue/table-state.ts';
import { as, strings } from '../parse/nodes.ts';
import { runBehindWrite } from './behind.ts';
import { fire } from './firing.ts';
import { type Scene, tree } from './scene.ts';

/** The columns that a change gives another value; one that is set to itself keeps its own. */
export function changedBy(targets: readonly Node[] | undefined): readonly string[] {
  return (targets ?? []).flatMap((node) => {
    const { name, val } = as(node, 'ResTarget') ?? {};
    const same = strings(as(val, 'ColumnRef')?.fields).at(-1) === name;
    return name === undefined || same ? [] : [name];
  });
}

/** What follows a change of a table's rows in those that refer to them. `columns`: of an UPDATE, those that change; absent: any. */
export function follow(
  table: TableState,
  event: 'update' | 'delete',
  columns: readonly string[] | undefined,
  scene: Scene,
  seen: Set<string> = new Set(),
): void {
  const { schema } = scene;
  // A key to a partitioned table is one to its partitions, and the other way round.
  const reached = new Set([table, ...tree(scene, table), ...ancestorsOf(table, scene)]);
  for (const referred of reached)
    for (const referrer of [...schema.referrers(referred.key), referred])
      for (const key of referrer.constraints) {
        const of = `${event} ${referrer.key} ${key.name}`;
        if (key.references?.relation !== referred.key || seen.has(of)) continue;
        const names = keyOf(referred, key);
        if (columns !== undefined && names.length > 0 && !columns.some((each) => names.includes(each))) continue;
        seen.add(of);
        followOne(table, referrer, key, event, scene, seen);
      }
}

function followOne(
  table: TableState,
  referrer: TableState,
  key: Constraint,
  event: 'update' | 'delete',
  scene: Scene,
  seen: Set<string>,
): void {
  const { does, schema } = scene;
  const action = event === 'update' ? key.onUpdate : key.onDelete;
  const known = schema.operators.known || referrer.fresh || action !== undefined;
  const indexed = referrer.indexes.some(({ columns }) => columns[0] === key.columns[0]);
  if (!indexed) {
    for (const each of tree(scene, referrer))
      does.work('read', each, `rows that refer to ${table.key} are looked for, and no index helps`);
    if (!referrer.fresh && event === 'delete')
      does.remark(
        'destroys-few',
        'warning',
        `rows of ${referrer.key} that refer to what is deleted go along, or stand in the way; no index helps to find them`,
      );
  }
  if (action === undefined && known) return;
  const done = action === undefined ? 'what the key does isn’t in the catalogue' : WORDS[action][event];
  const why = `rows that refer to what is ${event}d in ${table.key} follow by the key ${key.name}: ${done}`;
  for (const each of tree(scene, referrer)) does.work('write', each, why, { partly: true });
  if (!referrer.fresh) {
    does.undo('never');
    if (event === 'delete' && indexed) does.remark('destroys-few', 'warning', `${why}; how many there are isn’t known`);
  }
  const goes = event === 'delete' && action === 'cascade';
  runBehindWrite(referrer, action === 'set default', scene);
  fire(referrer, goes ? 'delete' : 'update', scene, true, goes ? undefined : key.columns);
  follow(referrer, goes ? 'delete' : 'update', goes ? undefined : key.columns, scene, seen);
}

const WORDS: Readonly<Record<KeyAction, Readonly<Record<'update' | 'delete', string>>>> = {
  cascade: { update: 'they get the new value', delete: 'they are deleted, too' },
  'set null': { update: 'they get null', delete: 'they get null' },
  'set default': { update: 'they get the default', delete: 'they get the default' },
};

/** The columns that a key refers to; without any named, those of the primary key. */
function keyOf(referred: TableState, { references }: Constraint): readonly string[] {
  const named = references?.columns ?? [];
  return named.length > 0 ? named : (referred.constraints.find(({ kind }) => kind === 'primary')?.columns ?? []);
}

function ancestorsOf(table: TableState, { schema }: Scene): readonly TableState[] {
  const found = new Map<string, TableState>();
  const queue = [...table.parents];
  for (let parent = queue.pop(); parent !== undefined; parent = queue.pop()) {
    const state = found.has(parent) ? undefined : schema.byKey(parent);
    if (state === undefined) continue;
    found.set(parent, state);
    queue.push(...state.parents);
  }
  return [...found.values()];
}
