import { as, quoted } from '../../parse/nodes.ts';
import { fails, isWhole } from '../names/taken-name.ts';
import { breaksIfUsed, change } from '../scene.ts';
import { columnOf, type Part } from './altered.ts';

/** By what logical replication tells rows apart. Without any, PostgreSQL refuses to change rows of a published table. */
export const replicaIdentity: Part = ({ def }, { table }, scene) => {
  const { identity_type: kind, name = '' } = as(def, 'ReplicaIdentityStmt') ?? {};
  if (kind === 'i') {
    const index = table.indexes.find((each) => each.name === name);
    const nullable = index?.columns.find((column) => columnOf(table, column)?.nullable === true);
    if (index === undefined) {
      if (isWhole(table, scene.schema)) fails(scene, `${table.key} has no index ${quoted(name)}`);
    } else if (!index.unique || index.computed || !index.valid)
      fails(
        scene,
        `the index ${quoted(name)} ${index.valid ? (index.unique ? 'has an expression or a condition' : 'isn’t unique') : 'is INVALID'}, and is no replica identity`,
      );
    else if (nullable !== undefined)
      fails(scene, `${quoted(nullable)} of the index ${quoted(name)} may be null, and so it is no replica identity`);
  }
  const next = kind === 'n' ? 'nothing' : kind === 'f' ? 'full' : kind === 'i' ? { index: name } : 'key';
  if (next === 'nothing' && !scene.schema.publications.known)
    breaksIfUsed(
      scene,
      table,
      'possible',
      `UPDATE and DELETE of running code fail on ${table.key}, if it is published`,
    );
  change(scene, scene.schema.byKey(table.key) ?? table, { replicaIdentity: next });
  return 'ACCESS EXCLUSIVE';
};
