import type { CreateSchemaStmt, CreateSeqStmt } from 'libpg-query';
import { blank } from '../catalogue/table-state.ts';
import { type NodeKind, nameOf } from '../parse/nodes.ts';
import { alterTable } from './alter-table/alter-table.ts';
import { alterSequence, createCast, createForeignTable, define } from './by-the-way.ts';
import { createIndex } from './create-index.ts';
import { createTable, createTableAs } from './create-table.ts';
import { copy, insert, merge, remove, truncate, update } from './data-changes.ts';
import { drop } from './drop.ts';
import * as upkeep from './maintenance.ts';
import { passedOverIfTaken } from './names/taken-name.ts';
import { alterPublication, createPublication } from './publications.ts';
import { changeOwner, rename, setSchema } from './rename.ts';
import { dropRole, grant, grantRole } from './rights.ts';
import { alterFunction, call, createFunction, runBlock } from './routines.ts';
import type { Family } from './scene.ts';
import { alterSettings, discard, setVariable } from './session.ts';
import { createPolicy, createRule, createTrigger } from './triggers.ts';
import { alterDomain, alterEnum, createComposite, createDomain, createEnum } from './types.ts';
import { createView, refresh, select } from './views.ts';

/** Nobody who runs notices it. */
const harmless: Family<unknown> = () => {};

/** What it makes by a name without a schema stands in the new one, which bears its owner's name where it has none of its own. */
const createSchema: Family<CreateSchemaStmt> = ({ schemaname, authrole, schemaElts }, scene) => {
  if (schemaElts === undefined) return;
  const { settings } = scene.schema;
  const name = schemaname ?? authrole?.rolename;
  settings.withPath(name === undefined ? undefined : [name, ...settings.path], () => {
    for (const node of schemaElts) scene.run(node, scene.text);
  });
};

/** A new sequence; IF NOT EXISTS goes by the name alone. */
const createSequence: Family<CreateSeqStmt> = ({ sequence, if_not_exists }, scene) => {
  const asked = nameOf(sequence);
  const name =
    sequence?.relpersistence === 't' ? { schema: 'pg_temp', name: asked.name } : scene.schema.qualified(asked);
  const holder = scene.schema.holderOf(name);
  if (holder?.kind === 'sequence' && if_not_exists === true) return;
  if (!passedOverIfTaken(scene, name, if_not_exists === true))
    scene.schema.put({ ...blank(name, 'sequence'), fresh: if_not_exists !== true || scene.schema.complete });
};

/** What each statement does, by its kind. A kind that isn't listed is not known, and never taken for harmless. */
// biome-ignore lint/suspicious/noExplicitAny: each family takes the content of its own kind of node
export const FAMILIES: Partial<Record<NodeKind, Family<any>>> = {
  AlterTableStmt: alterTable,
  CreateStmt: createTable,
  CreateTableAsStmt: createTableAs,
  IndexStmt: createIndex,
  DropStmt: drop,
  RenameStmt: rename,
  AlterObjectSchemaStmt: setSchema,
  AlterOwnerStmt: changeOwner,
  ViewStmt: createView,
  RefreshMatViewStmt: refresh,
  CreateTrigStmt: createTrigger,
  RuleStmt: createRule,
  CreatePolicyStmt: createPolicy,
  AlterPolicyStmt: createPolicy,
  CreateEnumStmt: createEnum,
  AlterEnumStmt: alterEnum,
  CreateDomainStmt: createDomain,
  AlterDomainStmt: alterDomain,
  CompositeTypeStmt: createComposite,
  CreateFunctionStmt: createFunction,
  AlterFunctionStmt: alterFunction,
  DoStmt: runBlock,
  CallStmt: call,
  SelectStmt: select,
  InsertStmt: insert,
  UpdateStmt: update,
  DeleteStmt: remove,
  MergeStmt: merge,
  CopyStmt: copy,
  TruncateStmt: truncate,
  LockStmt: upkeep.lockTable,
  VacuumStmt: upkeep.vacuum,
  ClusterStmt: upkeep.cluster,
  ReindexStmt: upkeep.reindex,
  CommentStmt: upkeep.comment,
  CreateStatsStmt: upkeep.createStatistics,
  ExplainStmt: upkeep.explain,
  GrantStmt: grant,
  GrantRoleStmt: grantRole,
  DropRoleStmt: dropRole,
  VariableSetStmt: setVariable,
  CreateSchemaStmt: createSchema,
  AlterSeqStmt: alterSequence,
  AlterDefaultPrivilegesStmt: upkeep.mayBreak('what is made later gives running code other rights'),
  AlterRoleStmt: upkeep.mayBreak('a role of running code may have changed'),
  AlterRoleSetStmt: alterSettings,
  AlterDatabaseSetStmt: alterSettings,
  CreateEventTrigStmt: upkeep.mayBreak('an event trigger runs for every later change of the schema'),
  AlterSystemStmt: upkeep.alone('ALTER SYSTEM'),
  CreatedbStmt: upkeep.alone('CREATE DATABASE'),
  CreateTableSpaceStmt: upkeep.alone('CREATE TABLESPACE'),
  DropTableSpaceStmt: upkeep.alone('DROP TABLESPACE'),
  AlterDatabaseStmt: upkeep.alterDatabase,
  CreateSubscriptionStmt: upkeep.createSubscription,
  DropdbStmt: upkeep.dropDatabase,
  DropOwnedStmt: upkeep.opaque('what a role owns, all of which goes, isn’t known'),
  ReassignOwnedStmt: upkeep.mayBreak('another role owns what running code may count on'),
  AlterTableMoveAllStmt: upkeep.opaque('which tables are copied to another tablespace isn’t known'),
  AlterExtensionStmt: upkeep.opaque('what the update of an extension does isn’t known'),
  ExecuteStmt: upkeep.opaque('what a prepared statement does isn’t looked at'),
  LoadStmt: upkeep.opaque('what a library does isn’t known'),
  CreateExtensionStmt: harmless,
  CreateSeqStmt: createSequence,
  CreateRangeStmt: harmless,
  CreateRoleStmt: harmless,
  CreateCastStmt: createCast,
  CreateForeignServerStmt: harmless,
  CreateForeignTableStmt: createForeignTable,
  CreateFdwStmt: harmless,
  CreateUserMappingStmt: harmless,
  CreateConversionStmt: harmless,
  CreateOpClassStmt: harmless,
  CreateOpFamilyStmt: harmless,
  CreatePLangStmt: harmless,
  CreateTransformStmt: harmless,
  CreatePublicationStmt: createPublication,
  AlterPublicationStmt: alterPublication,
  DefineStmt: define,
  PrepareStmt: harmless,
  DeallocateStmt: harmless,
  VariableShowStmt: harmless,
  NotifyStmt: harmless,
  ListenStmt: harmless,
  UnlistenStmt: harmless,
  DiscardStmt: discard,
  CheckPointStmt: harmless,
  ConstraintsSetStmt: harmless,
  AlterStatsStmt: harmless,
  AlterObjectDependsStmt: harmless,
  SecLabelStmt: harmless,
};
