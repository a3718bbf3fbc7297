import type { DropRoleStmt, GrantRoleStmt, GrantStmt } from 'libpg-query';
import { as, nameFrom, nameOf, strings, written } from '../parse/nodes.ts';
import type { Family } from './scene.ts';

/** GRANT lets more happen; REVOKE takes it away from whoever runs. */
export const grant: Family<GrantStmt> = (statement, scene) => {
  if (statement.is_grant === true) return;
  const rights = (statement.privileges ?? []).flatMap((node) => as(node, 'AccessPriv')?.priv_name?.toUpperCase() ?? []);
  const objects = (statement.objects ?? []).map((node) => {
    const range = as(node, 'RangeVar');
    if (range !== undefined)
      return { name: written(nameOf(range)), fresh: scene.schema.find(nameOf(range))?.fresh === true };
    const args = as(node, 'ObjectWithArgs');
    return {
      name:
        args === undefined
          ? (as(node, 'String')?.sval ?? strings(as(node, 'List')?.items).join('.'))
          : written(nameFrom(args.objname)),
      fresh: false,
    };
  });
  const old = objects.filter(({ fresh }) => !fresh).map(({ name }) => name);
  if (old.length === 0 && statement.targtype === 'ACL_TARGET_OBJECT') return;
  const roles = (statement.grantees ?? []).map((node) => as(node, 'RoleSpec')?.rolename ?? 'PUBLIC');
  const what = rights.length === 0 ? 'every right' : rights.join(', ');
  scene.does.breaks(
    'certain',
    `${roles.join(', ')} may no longer use ${what} on ${old.join(', ') || 'what is made later'}`,
    old[0],
  );
  scene.does.safely('break', 'Release code that doesn’t need the right first; revoke it in a later release.');
};

export const grantRole: Family<GrantRoleStmt> = (statement, scene) => {
  if (statement.is_grant === true) return;
  const roles = (statement.grantee_roles ?? []).map((node) => as(node, 'RoleSpec')?.rolename ?? '?');
  scene.does.breaks('certain', `${roles.join(', ')} may no longer do what came with a role`);
};

export const dropRole: Family<DropRoleStmt> = ({ roles }, scene) => {
  for (const node of roles ?? []) {
    const name = as(node, 'RoleSpec')?.rolename ?? '?';
    scene.does.breaks('certain', `whoever logs in as ${name} can’t any more`, name);
  }
};
