import type { Trigger } from '../../catalogue/catalogue.ts';
import type { TableState } from '../../catalogue/table-state.ts';
import { quoted } from '../../parse/nodes.ts';
import { dropsRows } from '../firing.ts';
import { failsIfNoIndex, failsIfNoTrigger, failsIfNot } from '../names/missing-name.ts';
import { fails } from '../names/taken-name.ts';
import { breaksIfUsed, change, type Scene } from '../scene.ts';
import type { Altered, Part } from './altered.ts';

/** An unlogged table is empty after a crash, and never on a standby. */
export const setUnlogged: Part = (_cmd, { table }, scene) => {
  // What has no rows of its own has no log either.
  if (table.unlogged || table.kind === 'partitioned') return 'ACCESS EXCLUSIVE';
  const [published] = table.published;
  if (published !== undefined)
    fails(scene, `${table.key} is in the publication ${quoted(published.by)}, and can’t be unlogged`);
  scene.does.work('rewrite', table, 'it is written again without a log');
  if (!table.fresh)
    scene.does.remark(
      'loses-on-crash',
      'error',
      `${table.key} is empty after a crash of the server, and isn’t on any standby or in point-in-time recovery`,
    );
  change(scene, table, { unlogged: true });
  return 'ACCESS EXCLUSIVE';
};

export const setLogged: Part = (_cmd, { table }, scene) => {
  if (table.known && !table.unlogged) return 'ACCESS EXCLUSIVE';
  scene.does.work('rewrite', table, 'it is written again with a log');
  change(scene, table, { unlogged: false });
  return 'ACCESS EXCLUSIVE';
};

export const setTableSpace: Part = ({ name }, { table }, scene) => {
  scene.does.work('rewrite', table, `it is copied to the tablespace ${name}`);
  scene.does.safely(
    'lock',
    'Move it with pg_repack or in a window; ALTER TABLE … SET TABLESPACE copies it under its strongest lock.',
  );
  return 'ACCESS EXCLUSIVE';
};

export const setAccessMethod: Part = ({ name }, { table }, scene) => {
  if (name !== 'heap') scene.does.work('rewrite', table, `it is written again for the access method ${name}`);
  return 'ACCESS EXCLUSIVE';
};

export const enableTrigger: Part = ({ name }, on, scene) => {
  const { table } = on;
  if (name !== undefined && failsIfNoTrigger(scene, table, name)) return 'SHARE ROW EXCLUSIVE';
  turn(on, name, false, scene);
  const now = scene.schema.byKey(table.key);
  for (const each of now?.triggers ?? [])
    if (
      table.triggers.some(({ name: own, fires }) => own === each.name && fires?.off === true) &&
      each.fires?.off !== true
    )
      dropsRows(each, table, scene);
  if (table.known && table.triggers.length === 0) return 'SHARE ROW EXCLUSIVE';
  breaksIfUsed(
    scene,
    table,
    'possible',
    `the trigger ${name ?? ''} fires for what running code writes to ${table.key}`,
  );
  return 'SHARE ROW EXCLUSIVE';
};

/** A trigger, or all of them, on or off: what is written afterwards fires it or doesn't. */
function turn({ tables }: Altered, name: string | undefined, off: boolean, { schema }: Scene): void {
  for (const { key } of tables) {
    const state = schema.byKey(key);
    if (state === undefined) continue;
    const triggers = state.triggers.map((each): Trigger => {
      if (each.fires === undefined || (name !== undefined && each.name !== name)) return each;
      const { off: _, ...fires } = each.fires;
      return { ...each, fires: off ? { ...fires, off } : fires };
    });
    schema.put({ ...state, triggers });
  }
}

/** Whether PostgreSQL keeps a foreign key of the table, or one to it, by triggers of its own. */
function hasKeyTriggers({ key, constraints }: TableState, { schema }: Scene): boolean {
  const refers = (to: TableState): boolean => to.constraints.some(({ references }) => references?.relation === key);
  return constraints.some(({ kind }) => kind === 'foreign') || schema.all().some(refers);
}

export const disableTrigger: Part = ({ name, subtype }, on, scene) => {
  const { table } = on;
  if (name !== undefined && failsIfNoTrigger(scene, table, name)) return 'SHARE ROW EXCLUSIVE';
  turn(on, name, true, scene);
  if (subtype === 'AT_DisableTrigAll' && hasKeyTriggers(table, scene))
    breaksIfUsed(
      scene,
      table,
      'possible',
      `the foreign keys of ${table.key}, and those to it, aren’t kept any more: what running code writes and deletes isn’t held against them, and nothing follows`,
      `${table.key}.foreign keys`,
    );
  if (table.known && table.triggers.length === 0) return 'SHARE ROW EXCLUSIVE';
  breaksIfUsed(
    scene,
    table,
    'possible',
    `what the trigger ${name ?? ''} does for running code’s writes to ${table.key} is no longer done`,
    `${table.key}.${name}`,
  );
  return 'SHARE ROW EXCLUSIVE';
};

export const changeRule: Part = ({ name }, { table }, scene) => {
  if (name !== undefined && failsIfNot(scene, table, 'rule', name)) return 'ACCESS EXCLUSIVE';
  breaksIfUsed(
    scene,
    table,
    'possible',
    `the rule ${name ?? ''} changes what running code’s statements on ${table.key} do`,
  );
  return 'ACCESS EXCLUSIVE';
};

export const clusterOn: Part = ({ name = '' }, { table }, scene) => {
  failsIfNoIndex(scene, table, name);
  return 'SHARE UPDATE EXCLUSIVE';
};

export const changeOwner: Part = (_cmd, { table }, scene) => {
  breaksIfUsed(
    scene,
    table,
    'possible',
    `another role owns ${table.key}: running code that counted on the ownership is refused`,
  );
  return 'ACCESS EXCLUSIVE';
};

export const enableRowSecurity: Part = (_cmd, { table }, scene) => {
  if (!table.rowSecurity)
    breaksIfUsed(
      scene,
      table,
      'certain',
      `running code that isn’t the owner sees and writes only what a policy of ${table.key} lets it; without one, nothing`,
    );
  change(scene, table, { rowSecurity: true });
  return 'ACCESS EXCLUSIVE';
};

export const disableRowSecurity: Part = (_cmd, { table }, scene) => {
  if ((table.rowSecurity || !table.known) && !table.fresh)
    scene.does.remark(
      'exposes-rows',
      'error',
      `running code sees every row of ${table.key}, those of other tenants, too`,
    );
  change(scene, table, { rowSecurity: false });
  return 'ACCESS EXCLUSIVE';
};

export const forceRowSecurity: Part = (_cmd, { table }, scene) => {
  breaksIfUsed(scene, table, 'possible', `the policies of ${table.key} hold for its owner, too`);
  return 'ACCESS EXCLUSIVE';
};

export const noForceRowSecurity: Part = (_cmd, { table }, scene) => {
  if (!table.fresh)
    scene.does.remark('exposes-rows', 'warning', `the policies of ${table.key} no longer hold for its owner`);
  return 'ACCESS EXCLUSIVE';
};
