import type { AlterTableCmd, AlterTableStmt, AlterTableType } from 'libpg-query';
import type { TableState } from '../../catalogue/table-state.ts';
import { type LockMode, stronger } from '../../effects/lock-modes.ts';
import { as, nameOf } from '../../parse/nodes.ts';
import { failsIfNoColumn } from '../names/missing-name.ts';
import { failsWithoutIndex } from '../names/taken-name.ts';
import { watchPublished } from '../publications.ts';
import { type Family, lockAll, relationIn, type Scene, tree } from '../scene.ts';
import { addColumn } from './add-column.ts';
import type { Part } from './altered.ts';
import { alterColumnType } from './column-type.ts';
import * as columns from './columns.ts';
import { addConstraint, alterConstraint, dropConstraint, validateConstraint } from './constraints.ts';
import { addOf } from './fitting.ts';
import * as identity from './identity.ts';
import * as partitions from './partitions.ts';
import { replicaIdentity } from './replica-identity.ts';
import * as storage from './storage.ts';

/** What each part of an ALTER TABLE does. PostgreSQL has more kinds, which only its own machinery makes. */
export const PARTS: Partial<Record<AlterTableType, Part>> = {
  AT_AddColumn: addColumn,
  AT_ColumnDefault: columns.columnDefault,
  AT_DropNotNull: columns.dropNotNull,
  AT_SetNotNull: columns.setNotNull,
  AT_SetExpression: columns.setExpression,
  AT_DropExpression: columns.dropExpression,
  AT_SetStatistics: columns.quietly,
  AT_SetOptions: columns.quietly,
  AT_ResetOptions: columns.quietly,
  AT_SetStorage: columns.setStorage,
  AT_SetCompression: columns.setStorage,
  AT_DropColumn: columns.dropColumn,
  AT_AddIdentity: identity.addIdentity,
  AT_SetIdentity: identity.setIdentity,
  AT_DropIdentity: identity.dropIdentity,
  AT_AlterColumnType: alterColumnType,
  AT_AddConstraint: addConstraint,
  AT_AlterConstraint: alterConstraint,
  AT_ValidateConstraint: validateConstraint,
  AT_DropConstraint: dropConstraint,
  AT_ChangeOwner: storage.changeOwner,
  AT_ClusterOn: storage.clusterOn,
  AT_DropCluster: columns.quietly,
  AT_SetLogged: storage.setLogged,
  AT_SetUnLogged: storage.setUnlogged,
  AT_DropOids: columns.exclusively,
  AT_SetAccessMethod: storage.setAccessMethod,
  AT_SetTableSpace: storage.setTableSpace,
  AT_SetRelOptions: columns.relationOptions,
  AT_ResetRelOptions: columns.relationOptions,
  AT_EnableTrig: storage.enableTrigger,
  AT_EnableAlwaysTrig: storage.enableTrigger,
  AT_EnableReplicaTrig: storage.enableTrigger,
  AT_EnableTrigAll: storage.enableTrigger,
  AT_EnableTrigUser: storage.enableTrigger,
  AT_DisableTrig: storage.disableTrigger,
  AT_DisableTrigAll: storage.disableTrigger,
  AT_DisableTrigUser: storage.disableTrigger,
  AT_EnableRule: storage.changeRule,
  AT_EnableAlwaysRule: storage.changeRule,
  AT_EnableReplicaRule: storage.changeRule,
  AT_DisableRule: storage.changeRule,
  AT_AddInherit: partitions.addInherit,
  AT_DropInherit: partitions.dropInherit,
  AT_AddOf: addOf,
  AT_DropOf: columns.exclusively,
  AT_ReplicaIdentity: replicaIdentity,
  AT_EnableRowSecurity: storage.enableRowSecurity,
  AT_DisableRowSecurity: storage.disableRowSecurity,
  AT_ForceRowSecurity: storage.forceRowSecurity,
  AT_NoForceRowSecurity: storage.noForceRowSecurity,
  AT_AttachPartition: partitions.attachPartition,
  AT_DetachPartition: partitions.detachPartition,
  AT_DetachPartitionFinalize: columns.quietly,
};

/** Parts that change only the table that is named, whatever stands below it. */
const NOT_BELOW: ReadonlySet<AlterTableType> = new Set<AlterTableType>([
  'AT_AttachPartition',
  'AT_DetachPartition',
  'AT_DetachPartitionFinalize',
  'AT_SetLogged',
  'AT_SetUnLogged',
  'AT_SetTableSpace',
  'AT_SetAccessMethod',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_ChangeOwner',
  'AT_EnableRowSecurity',
  'AT_DisableRowSecurity',
  'AT_ForceRowSecurity',
  'AT_NoForceRowSecurity',
  'AT_ClusterOn',
  'AT_DropCluster',
  'AT_AddInherit',
  'AT_DropInherit',
  'AT_ReplicaIdentity',
]);

/** Parts that need the column that they name. */
const OF_COLUMN: ReadonlySet<AlterTableType> = new Set<AlterTableType>([
  'AT_ColumnDefault',
  'AT_DropNotNull',
  'AT_SetNotNull',
  'AT_SetExpression',
  'AT_DropExpression',
  'AT_SetStatistics',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_DropColumn',
  'AT_AddIdentity',
  'AT_SetIdentity',
  'AT_DropIdentity',
  'AT_AlterColumnType',
]);

/** Keys reach partitions, but not the heirs of an ordinary table; later servers lock those all the same. */
function staysAbove({ subtype, def }: AlterTableCmd, table: TableState, server: number): boolean {
  if (server > 15) return false;
  const kind = as(def, 'Constraint')?.contype;
  const key = kind === 'CONSTR_UNIQUE' || kind === 'CONSTR_FOREIGN' || kind === 'CONSTR_EXCLUSION';
  return subtype === 'AT_AddConstraint' && key && table.kind !== 'partitioned';
}

/** ALTER TABLE, and what PostgreSQL's grammar makes the same tree of: ALTER VIEW, ALTER INDEX, ALTER FOREIGN TABLE … */
export const alterTable: Family<AlterTableStmt> = (statement, scene) => {
  const parts = (statement.cmds ?? []).flatMap((node) => as(node, 'AlterTableCmd') ?? []);
  if (statement.objtype === 'OBJECT_INDEX') return alterIndex(statement, scene);
  if (statement.objtype === 'OBJECT_TYPE') {
    if (scene.schema.type(nameOf(statement.relation))?.fresh !== true)
      scene.does.breaks('certain', `running code knows ${nameOf(statement.relation).name} with other attributes`);
    return;
  }
  const table = relationIn(scene, statement.relation, statement.missing_ok === true);
  if (table === undefined) return;
  const only = statement.relation?.inh !== true;
  watchPublished(
    scene,
    scene.schema.publications.any ? [...tree(scene, table), ...partitionsIn(parts, scene)] : [],
    () => carryOut(parts, table, only, scene),
  );
};

/** Tables that it makes partitions. */
function partitionsIn(parts: readonly AlterTableCmd[], scene: Scene): readonly TableState[] {
  return parts.flatMap(({ subtype, def }) => {
    const name = subtype === 'AT_AttachPartition' ? as(def, 'PartitionCmd')?.name : undefined;
    const found = name === undefined ? undefined : scene.schema.find(nameOf(name));
    return found === undefined ? [] : tree(scene, found);
  });
}

function carryOut(parts: readonly AlterTableCmd[], table: TableState, only: boolean, scene: Scene): void {
  let lock: LockMode | undefined;
  let reached = [table];
  for (const part of parts) {
    const kind = part.subtype ?? 'AT_AddColumn';
    const act = PARTS[kind];
    if (act === undefined) {
      scene.does.notKnown(`what ${kind} does isn’t known here`);
      lock = 'ACCESS EXCLUSIVE';
      continue;
    }
    const now = scene.schema.byKey(table.key) ?? table;
    const tables = tree(scene, now, only || NOT_BELOW.has(kind) || staysAbove(part, now, scene.schema.server));
    if (tables.length > reached.length) reached = [...tables];
    if (
      part.name !== undefined &&
      OF_COLUMN.has(kind) &&
      part.missing_ok !== true &&
      failsIfNoColumn(scene, now, part.name)
    ) {
      lock = 'ACCESS EXCLUSIVE';
      continue;
    }
    lock = stronger(
      scene.does.within(() => act(part, { table: now, tables, only }, scene)),
      lock,
    );
  }
  lockAll(scene, reached, lock ?? 'ACCESS EXCLUSIVE');
}

/** An index has locks of its own; whoever reads its table needs it. */
const alterIndex: Family<AlterTableStmt> = (statement, scene) => {
  const moves = (statement.cmds ?? []).some((node) => as(node, 'AlterTableCmd')?.subtype === 'AT_SetTableSpace');
  const table = scene.schema.tableOfIndex(nameOf(statement.relation));
  if (table === undefined) {
    if ((moves || scene.schema.complete) && statement.missing_ok !== true)
      failsWithoutIndex(scene, nameOf(statement.relation));
    return;
  }
  if (!moves) return;
  scene.does.lock(table, 'ACCESS EXCLUSIVE');
  scene.does.work('index-build', table, 'an index is copied to another tablespace');
};
