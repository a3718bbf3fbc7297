import type { TableState } from '../../catalogue/table-state.ts';
import type { LockMode } from '../../effects/lock-modes.ts';
import { as, nameOf, written } from '../../parse/nodes.ts';
import { fails, isWhole } from '../names/taken-name.ts';
import { breaksIfUsed, change, lockAll, relationIn, type Scene, tree } from '../scene.ts';
import type { Altered, Part } from './altered.ts';
import { failsToAttach, failsToInherit } from './fitting.ts';

/** ATTACH reads every row of the new partition, and of the default one, to see that none belongs elsewhere. */
export const attachPartition: Part = ({ def }, { table }, scene) => {
  const command = as(def, 'PartitionCmd');
  const child = relationIn(scene, nameOf(command?.name));
  if (child === undefined) return 'SHARE UPDATE EXCLUSIVE';
  const { does, schema } = scene;
  failsToAttach(scene, table, child, command?.bound?.is_default === true);
  const children = tree(scene, child);
  lockAll(scene, children, 'ACCESS EXCLUSIVE');
  for (const each of children) {
    does.work('scan', each, 'every row is looked at: does it belong to this partition?');
    const lacking = table.indexes.some(
      ({ columns }) => !each.indexes.some((own) => own.columns.join() === columns.join()),
    );
    if (lacking) does.work('index-build', each, 'an index that the partitioned table has');
  }
  if (!child.fresh)
    does.safely(
      'lock',
      'Give the table a CHECK with the partition’s bounds first, NOT VALID and then validated: ATTACH then reads nothing of it.',
      `ALTER TABLE ${written(child)} ADD CONSTRAINT belongs CHECK (…) NOT VALID;`,
      `ALTER TABLE ${written(child)} VALIDATE CONSTRAINT belongs;`,
      `${scene.text.trim().replace(/;?$/, ';')}`,
    );
  lookAtDefault(scene, { table, tables: [], only: false }, command?.bound?.is_default === true);
  // A key that the table has already is dropped for the partitioned table's own.
  const keyed = child.constraints.some(({ references }) => references !== undefined);
  lockKeys(scene, table, keyed ? 'ACCESS EXCLUSIVE' : 'SHARE ROW EXCLUSIVE', 'SHARE ROW EXCLUSIVE');
  schema.put({
    ...child,
    parents: [...child.parents, table.key],
    defaultPartition: command?.bound?.is_default === true,
  });
  return 'SHARE UPDATE EXCLUSIVE';
};

/** Foreign keys of a partitioned table, and to it, are made or taken away for each partition: both sides are locked. */
export function lockKeys(scene: Scene, parent: TableState, referred: LockMode, referring: LockMode): void {
  for (const { references } of parent.constraints) {
    const other = references === undefined ? undefined : scene.schema.byKey(references.relation);
    if (other !== undefined) lockAll(scene, tree(scene, other), referred);
  }
  for (const referrer of scene.schema.referrers(parent.key)) lockAll(scene, tree(scene, referrer), referring);
}

/** Rows of the default partition may belong to the new one: it is read under a lock. */
export function lookAtDefault(scene: Scene, { table }: Altered, isDefault: boolean): void {
  if (isDefault) return;
  const own = scene.schema
    .descendants(table.key)
    .filter((each) => each.defaultPartition && each.parents.includes(table.key));
  for (const each of own)
    if (!each.fresh)
      scene.does.safely(
        'lock',
        'The default partition is read, under its strongest lock: first give it a CHECK that no row of the new bounds satisfies, NOT VALID and then validated; it is then taken at its word, and can go afterwards.',
        `ALTER TABLE ${written(each)} ADD CONSTRAINT none_of_it CHECK (… IS NOT NULL AND (… < … OR … >= …)) NOT VALID;`,
        `ALTER TABLE ${written(each)} VALIDATE CONSTRAINT none_of_it;`,
        `${scene.text.trim().replace(/;?$/, ';')}`,
        `ALTER TABLE ${written(each)} DROP CONSTRAINT none_of_it;`,
      );
  for (const other of own.flatMap((each) => tree(scene, each))) {
    scene.does.lock(other, 'ACCESS EXCLUSIVE');
    scene.does.work('scan', other, 'every row of the default partition is looked at: does it belong to the new one?');
  }
}

export const detachPartition: Part = ({ def }, { table }, scene) => {
  const command = as(def, 'PartitionCmd');
  const child = relationIn(scene, nameOf(command?.name));
  if (child === undefined) return 'ACCESS EXCLUSIVE';
  if (isWhole(child, scene.schema) && !child.parents.includes(table.key))
    fails(scene, `${child.key} is no partition of ${table.key}`);
  const concurrent = command?.concurrent === true;
  if (concurrent) scene.does.outsideTransaction('DETACH PARTITION CONCURRENTLY waits for all others');
  lockAll(scene, [child], concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE');
  breaksIfUsed(
    scene,
    child,
    'certain',
    `running code finds the rows of ${child.key} in ${table.key} no more`,
    child.key,
  );
  lockKeys(scene, table, 'SHARE ROW EXCLUSIVE', 'ACCESS EXCLUSIVE');
  const other = scene.schema.descendants(table.key).find((each) => each.defaultPartition && each.key !== child.key);
  if (other !== undefined) scene.does.lock(other, 'ACCESS EXCLUSIVE');
  if (!concurrent && !table.fresh)
    scene.does.safely(
      ['lock', 'queue'],
      'DETACH PARTITION … CONCURRENTLY, outside of a transaction, lets readers and writers go on.',
    );
  change(scene, child, { parents: child.parents.filter((key) => key !== table.key), defaultPartition: false });
  return concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE';
};

export const addInherit: Part = ({ def }, { table }, scene) => {
  const parent = relationIn(scene, as(def, 'RangeVar'));
  if (parent !== undefined) {
    failsToInherit(scene, table, parent);
    scene.does.lock(parent, 'SHARE UPDATE EXCLUSIVE');
    breaksIfUsed(
      scene,
      parent,
      'possible',
      `running code that reads ${parent.key} finds the rows of ${table.key} in it, too`,
    );
    change(scene, table, { parents: [...table.parents, parent.key] });
  }
  return 'ACCESS EXCLUSIVE';
};

export const dropInherit: Part = ({ def }, { table }, scene) => {
  const parent = relationIn(scene, as(def, 'RangeVar'));
  if (parent !== undefined) {
    if (isWhole(table, scene.schema) && !table.parents.includes(parent.key))
      fails(scene, `${parent.key} is no parent of ${table.key}`);
    scene.does.lock(parent, 'ACCESS SHARE');
    breaksIfUsed(
      scene,
      table,
      'certain',
      `running code finds the rows of ${table.key} in ${parent.key} no more`,
      table.key,
    );
    change(scene, table, { parents: table.parents.filter((key) => key !== parent.key) });
  }
  return 'ACCESS EXCLUSIVE';
};
