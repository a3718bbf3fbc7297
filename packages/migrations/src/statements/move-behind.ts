/** Functions, operators and types under another name: what stands for something goes on doing so. */
import type { Node } from 'libpg-query';
import { as, type Name, nameFrom } from '../parse/nodes.ts';
import type { Scene } from './scene.ts';

/** Whatever has the name is found by the new one, too; the old one is kept, since what stands on it isn't told by name. */
export function followMove(object: Node | undefined, to: Partial<Name>, { schema }: Scene): void {
  if (schema.isTrying) return;
  const args = as(object, 'ObjectWithArgs')?.objname;
  const name = nameFrom(args ?? as(object, 'TypeName')?.names ?? as(object, 'List')?.items);
  const moved = {
    ...(to.schema === undefined ? {} : { schema: to.schema }),
    ...(to.name === undefined ? {} : { name: to.name }),
  };
  if (args === undefined) {
    const type = schema.type(name);
    if (type !== undefined) schema.putType({ ...type, ...moved });
    return;
  }
  for (const each of schema.routines(name)) schema.putRoutine({ ...each, ...moved });
  if (!schema.operators.has(name.name)) return;
  const schemas = name.schema === undefined ? schema.settings.along(name.name) : [name.schema];
  for (const each of schema.operators.named(name.name, schemas)) schema.operators.put({ ...each, ...moved });
}
