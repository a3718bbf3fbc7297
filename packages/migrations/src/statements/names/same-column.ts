/** Whether a column that is there is what ADD COLUMN IF NOT EXISTS would make: it goes by the name alone. */
import type { ColumnDef } from 'libpg-query';
import type { ColumnState, TableState } from '../../catalogue/table-state.ts';
import { type TypeRef, typeRefFrom, typeText } from '../../catalogue/type-name.ts';
import { quoted, written } from '../../parse/nodes.ts';
import { columnFrom } from '../column-definition.ts';
import type { Scene } from '../scene.ts';

/** Says what is passed over, as for tables and indexes. */
export function columnPassedOver(scene: Scene, table: TableState, there: ColumnState, column: ColumnDef): void {
  const wanted = columnFrom(column);
  const difference = differenceOf(wanted, there);
  const said = `IF NOT EXISTS goes by the name alone and makes nothing: ${table.key} has a column ${quoted(there.name)}`;
  if (difference === 'same') scene.does.remark('does-nothing', 'note', `${said}, and it is what this should make`);
  else if (difference === 'unknown')
    scene.does.remark(
      'does-nothing',
      'warning',
      `${said}; whether it is what this should make can’t be told from what is known of it (\\d ${written(table)} shows it)`,
    );
  else {
    scene.does.remark('does-nothing', scene.conditional ? 'warning' : 'error', `${said}, and ${difference.differs}`);
    scene.does.safely('fails', 'Give the new column a name of its own, or change the one that is there in the open.');
  }
}

function differenceOf(wanted: ColumnState, there: ColumnState): { readonly differs: string } | 'same' | 'unknown' {
  const differs = (what: string) => ({ differs: what });
  if (there.type === 'unknown') return 'unknown';
  const [asked, has] = [typeRefFrom(wanted.type), typeRefFrom(there.type)];
  if (!isSame(asked, has)) return differs(`it is of the type ${typeText(has)}`);
  if (wanted.nullable !== there.nullable) return differs(there.nullable ? 'it may be null' : 'it may not be null');
  if ((wanted.identity === true) !== (there.identity === true))
    return differs(there.identity === true ? 'it is an identity' : 'it is no identity');
  if (wanted.generated !== there.generated)
    return differs(there.generated === undefined ? 'it isn’t generated' : 'it is generated');
  if ((wanted.default === undefined) !== (there.default === undefined))
    return differs(there.default === undefined ? 'it has no default' : 'it has a default');
  const plain = wanted.default === undefined && wanted.generated === undefined;
  return plain ? 'same' : 'unknown';
}

/** A name without its schema means the one that the path finds. */
function isSame(one: TypeRef, other: TypeRef): boolean {
  const schemas = one.schema === other.schema || one.schema === undefined || other.schema === undefined;
  return schemas && one.name === other.name && one.array === other.array && one.mods.join() === other.mods.join();
}
