import type { FuncCall, Node, SelectStmt, VariableSetStmt } from 'libpg-query';
import { as, constant, strings } from '../parse/nodes.ts';
import type { Family, Scene } from './scene.ts';

/** SET and RESET: what of it changes how later statements are read. */
export const setVariable: Family<VariableSetStmt> = (statement, scene) => {
  const name = (statement.name ?? '').toLowerCase();
  const value = (statement.args ?? []).map((node) => constant(node) ?? undefined);
  const set = statement.kind === 'VAR_SET_VALUE';
  apply(name, set ? value.map(String) : undefined, scene);
};

function apply(name: string, values: readonly string[] | undefined, scene: Scene): void {
  const [first] = values ?? [];
  if (name === 'lock_timeout') scene.session.lockTimeout = first !== undefined && !/^0+\s*(ms|s|min)?$/.test(first);
  else if (name === 'search_path')
    scene.schema.searchPath = values?.flatMap((each) =>
      each.split(',').map((one) => one.trim().replace(/^"|"$/g, '')),
    ) ?? ['public'];
  else if (name === 'timezone') scene.schema.timeZone = first;
  else if (name === 'session_replication_role' && first === 'replica')
    scene.does.remark(
      'checks-off',
      'warning',
      'triggers and foreign keys are off from here: nothing keeps what is written consistent',
    );
}

/** `SELECT set_config('search_path', '', false)`, as pg_dump writes it. */
export function setConfigOf(select: SelectStmt, scene: Scene): boolean {
  const target = as(select.targetList?.[0], 'ResTarget');
  const called: FuncCall | undefined = as(target?.val as Node | undefined, 'FuncCall');
  if (select.fromClause !== undefined || strings(called?.funcname).at(-1) !== 'set_config') return false;
  const [name, value] = (called?.args ?? []).map(constant);
  if (typeof name !== 'string' || typeof value !== 'string') return false;
  apply(name.toLowerCase(), [value], scene);
  return true;
}
