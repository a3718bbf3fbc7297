/** Families beside the first ones, with dice of their own: so the cases of those stay what they were. */
import type { Dice } from './dice.ts';
import type { Case } from './statements.ts';
import type { TestTable } from './tables.ts';

type Make = (t: TestTable, d: Dice) => readonly string[] | undefined;

const DROPS = `create function z() returns trigger language plpgsql as $$ begin return null; end $$`;

const MORE: Readonly<Record<string, Make>> = {
  // No statement of running code names an heir, so that what fails of one isn't seen.
  'publication of a table': (t, d) =>
    t.ddl.some((sql) => sql.includes('inherits'))
      ? undefined
      : [`create publication z for table ${t.name}${d.chance(0.3) ? " with (publish = 'insert')" : ''}`],
  'publication of all tables': (_t, d) => [
    `create publication z for ${d.one(['all tables', 'tables in schema public', "all tables with (publish = 'insert')"])}`,
  ],
  'published without an identity': (t, d) =>
    t.ddl.some((sql) => sql.includes('inherits'))
      ? undefined
      : [
          `create publication z for table parent`,
          `alter table ${t.name} replica identity ${d.one(['nothing', 'full', 'default'])}`,
          `alter publication z add table ${t.name}`,
        ],
  'published, without its key': (t) =>
    t.constraints.includes(`${t.name}_pk`)
      ? [`create publication z for table ${t.name}`, `alter table ${t.name} drop constraint ${t.name}_pk cascade`]
      : undefined,
  'rows that are dropped': (t, d) =>
    t.rows === 0
      ? undefined
      : [
          DROPS,
          `create trigger z before ${d.one(['insert', 'insert or update'])} on ${t.name} for each row execute function z()`,
        ],
  'rule instead': (t, d) =>
    t.partitioned ? undefined : [`create rule z as on ${d.one(['insert', 'update'])} to ${t.name} do instead nothing`],
  'refresh concurrently': (t) => [`refresh materialized view concurrently ${t.name}_mc`],
  'column that is there': (t, d) => [
    `alter table ${t.name} add column if not exists ${d.one(t.columns).name} ${d.one(['text', 'bigint', 'integer'])}`,
  ],
};

export function moreCasesOf(tables: readonly TestTable[], count: number, dice: Dice): readonly Case[] {
  const families = Object.entries(MORE);
  const cases = new Map<string, Case>();
  for (let turn = 0; cases.size < count && turn < count * 20; turn++) {
    const [family, make] = families[turn % families.length] as readonly [string, Make];
    const table = dice.one(tables);
    const statements = make(table, dice);
    if (statements === undefined) continue;
    const others = family === 'publication of all tables' ? tables.map(({ name }) => name) : [];
    cases.set(statements.join('; '), { family, table, others, statements });
  }
  return [...cases.values()];
}
