import type { Node } from 'libpg-query';
import { as, quoted } from '../../parse/nodes.ts';
import { changesNumbers } from '../by-the-way.ts';
import { fails } from '../names/taken-name.ts';
import { changeColumn, columnOf, isFresh, type Part } from './altered.ts';

/** GENERATED ALWAYS: of PostgreSQL's letters, the one whose columns nobody may write. */
const ALWAYS = 'a'.charCodeAt(0);

export const addIdentity: Part = ({ name, def }, on, scene) => {
  if (as(def, 'Constraint')?.generated_when === 'a' && !isFresh(on.table, name))
    scene.does.breaks('possible', refusesValues(name, on.table.key), `${on.table.key}.${name}`);
  const column = columnOf(on.table, name);
  if (column !== undefined && column.type !== 'unknown') {
    const why = column.identity
      ? 'is an identity already'
      : column.nullable
        ? 'may be null, and an identity can’t'
        : column.default === undefined
          ? undefined
          : 'has a default, and an identity can’t';
    if (why !== undefined) fails(scene, `${quoted(name ?? '')} of ${on.table.key} ${why}`);
  }
  changeColumn(on, scene, name, { identity: true });
  return 'ACCESS EXCLUSIVE';
};

/** SET GENERATED ALWAYS refuses what running code writes; the numbers are those of a sequence. */
export const setIdentity: Part = ({ name, def }, { table }, scene) => {
  const options = as(def, 'List')?.items ?? [];
  if (isFresh(table, name)) return 'ACCESS EXCLUSIVE';
  if (options.some(isAlways)) scene.does.breaks('possible', refusesValues(name, table.key), `${table.key}.${name}`);
  if (changesNumbers(options))
    scene.does.breaks(
      'possible',
      `${quoted(name ?? '')} of ${table.key} may give running code numbers that are taken, or none`,
    );
  return 'ACCESS EXCLUSIVE';
};

function isAlways(node: Node): boolean {
  const { defname, arg } = as(node, 'DefElem') ?? {};
  return defname === 'generated' && as(arg, 'Integer')?.ival === ALWAYS;
}

function refusesValues(column: string | undefined, table: string): string {
  return `running code that writes a number of its own to ${quoted(column ?? '')} of ${table} is refused`;
}

export const dropIdentity: Part = ({ name }, on, scene) => {
  if (!isFresh(on.table, name))
    scene.does.breaks(
      'certain',
      `running code that inserts into ${on.table.key} gets no number for ${quoted(name ?? '')} any more`,
      `${on.table.key}.${name}`,
    );
  changeColumn(on, scene, name, { identity: false });
  return 'ACCESS EXCLUSIVE';
};
