/** Whether rules can hold in a database: each that can't is refused with its place, and with what would unblock it. */
import {
  type MaskCatalogue,
  type MaskColumn,
  type MaskForeignKey,
  type MaskTable,
  nameOf,
  quoteTable,
} from './catalogue.ts';
import { maskerOf, takesSingleValues } from './maskers.ts';
import { fullName, type MaskingRule, type RuleRefusal } from './rule.ts';

/** A rule that found its column. */
export interface PlacedRule {
  readonly rule: MaskingRule;
  readonly index: number;
  readonly table: MaskTable;
  readonly column: MaskColumn;
}

export type CheckedRules =
  | { readonly ok: true; readonly placed: readonly PlacedRule[] }
  | { readonly ok: false; readonly refusals: readonly RuleRefusal[] };

type Say = (index: number, field: string, code: string, why: string, unblock: string) => void;

/** Every rule that can't hold, in the order of the rules; or each with its table and column. */
export function checkRules(rules: readonly MaskingRule[], catalogue: MaskCatalogue): CheckedRules {
  const refusals: RuleRefusal[] = [];
  const say: Say = (rule, field, code, why, unblock) => {
    const of = rules[rule];
    const where = `spec.rules[${rule}].${field}`;
    refusals.push({ code, what: `masking ${of?.table}.${of?.column}`, where, why, unblock, rule, field });
  };
  const tables = new Map(catalogue.tables.map((table) => [nameOf(table), table]));
  const placed: PlacedRule[] = [];
  const taken = new Map<string, number>();
  rules.forEach((rule, index) => {
    for (const found of place(rule, index, tables, say)) {
      const key = `${nameOf(found.table)}.${rule.column}`;
      const other = taken.get(key);
      if (other !== undefined) {
        say(index, 'column', 'mask-twice', `spec.rules[${other}] masks it already`, 'leave one rule for each column');
        return;
      }
      taken.set(key, index);
      placed.push(found);
    }
  });
  for (const each of placed) {
    checkType(each, say);
    checkUnique(each, catalogue, say);
    checkColumnsNamed(each, catalogue, say);
    checkTable(each, catalogue, say);
  }
  for (const key of catalogue.foreignKeys) checkForeignKey(key, placed, tables, say);
  if (refusals.length === 0) return { ok: true, placed };
  return { ok: false, refusals: refusals.sort((a, b) => a.rule - b.rule) };
}

/** The column of a rule; of a rule for all schemas, one in each that has the table. Nothing where it can't hold. */
function place(
  rule: MaskingRule,
  index: number,
  tables: ReadonlyMap<string, MaskTable>,
  say: Say,
): readonly PlacedRule[] {
  const own = rule.table.slice(rule.table.lastIndexOf('.') + 1);
  const everywhere = rule.table.startsWith('*.');
  const named = everywhere
    ? [...tables.values()].filter(({ name, partitionOf }) => name === own && partitionOf === null)
    : [tables.get(fullName(rule.table))].filter((table) => table !== undefined);
  if (named.length === 0) {
    const alike = [...tables.keys()].filter((name) => name.toLowerCase().endsWith(`.${own.toLowerCase()}`));
    const all = alike.length > 0 ? alike : [...tables.keys()];
    const there =
      all.length === 0 ? 'it has none' : `it has ${all.slice(0, 8).join(', ')}${all.length > 8 ? ' …' : ''}`;
    const where = everywhere ? `${own} in any schema` : fullName(rule.table);
    say(index, 'table', 'no-table', `the copy has no table ${where}`, `name a table: ${there}`);
    return [];
  }
  return named.flatMap((table) => {
    if (table.partitionOf !== null) {
      const why = `it is a partition of ${table.partitionOf}, whose rows would be masked in part`;
      say(index, 'table', 'mask-partition', why, `name ${table.partitionOf}: the rule holds for all its partitions`);
      return [];
    }
    const column = table.columns.find((each) => each.name === rule.column);
    if (column === undefined) {
      const names = table.columns.map((each) => each.name);
      const why = `${nameOf(table)} has no column ${rule.column}`;
      say(index, 'column', 'no-column', why, `name one of ${names.slice(0, 40).join(', ')}`);
      return [];
    }
    return [{ rule, index, table, column }];
  });
}

function checkType({ rule, index, column }: PlacedRule, say: Say): void {
  const masker = maskerOf(rule);
  const named = `${rule.table}.${rule.column}`;
  if (column.generated) {
    const why = `${named} is computed by the database from other columns`;
    say(index, 'column', 'mask-generated', why, 'mask the columns that it is computed from');
    return;
  }
  if (!masker.types.has(column.base)) {
    const why = `${rule.mask} doesn’t fit ${column.type}; it takes ${[...masker.types].join(', ')}`;
    say(index, 'mask', 'mask-type', why, 'choose a masker for that type');
    return;
  }
  if (column.array && takesSingleValues(rule.mask)) {
    const why = `${named} is a list, and ${rule.mask} takes single values`;
    say(index, 'mask', 'mask-type', why, 'choose a masker of texts, or code');
    return;
  }
  const longest = masker.longest?.(rule);
  if (longest !== undefined && column.length !== null && longest > column.length) {
    const why = `${rule.mask} gives up to ${longest} characters, and ${named} takes ${column.length}`;
    say(index, 'mask', 'mask-too-long', why, 'mask it with code, which keeps the length');
  }
}

/** A table and its partitions: what is said of either holds for the rows. */
function withPartitions(table: MaskTable, { tables }: MaskCatalogue): readonly MaskTable[] {
  return [table, ...tables.filter((each) => each.partitionOf === nameOf(table))];
}

function checkUnique({ rule, index, table }: PlacedRule, catalogue: MaskCatalogue, say: Say): void {
  if (maskerOf(rule).injective !== 'no') return;
  for (const each of withPartitions(table, catalogue)) {
    const unique = each.unique.find(({ columns }) => columns.includes(rule.column));
    if (unique === undefined) continue;
    const why = `${unique.name} demands different values, and ${rule.mask} may give the same to two`;
    const unblock = 'choose a masker that keeps values apart: code, phone, email, person-name, number or uuid';
    say(index, 'mask', 'mask-unique', why, unblock);
    return;
  }
}

/** Columns that a masker's options name. */
function checkColumnsNamed({ rule, index, table }: PlacedRule, catalogue: MaskCatalogue, say: Say): void {
  const named = rule.mask === 'date' ? [rule.by] : rule.mask === 'amount' ? (rule.keepTotalBy ?? []) : [];
  for (const name of named) {
    if (table.columns.some((column) => column.name === name)) continue;
    const field = rule.mask === 'date' ? 'by' : 'keepTotalBy';
    say(index, field, 'no-column', `${nameOf(table)} has no column ${name}`, 'name a column of the same table');
  }
  if (rule.mask !== 'amount' || rule.keepTotalBy === undefined) return;
  const without = withPartitions(table, catalogue).find((each) => !each.partitioned && each.primaryKey.length === 0);
  if (without !== undefined) {
    const why = `totals are kept between pairs of rows in the order of the primary key, and ${nameOf(without)} has none`;
    say(index, 'keepTotalBy', 'mask-no-key', why, 'leave keepTotalBy out, or give the table a primary key');
  }
  if (table.partitioned) {
    const why = 'a total is kept within one table, and this one is partitioned';
    say(index, 'keepTotalBy', 'mask-partitioned-total', why, 'leave keepTotalBy out');
  }
}

/** What a table may have that a copy of its rows would trip over. */
function checkTable({ rule, index, table }: PlacedRule, catalogue: MaskCatalogue, say: Say): void {
  if (table.inherits)
    say(
      index,
      'table',
      'mask-inherits',
      `${nameOf(table)} takes part in inheritance`,
      'name a table that stands by itself',
    );
  for (const each of withPartitions(table, catalogue)) {
    if (each.partitionKey.includes(rule.column)) {
      const why = `${nameOf(each)} is partitioned by it: rows would move`;
      say(index, 'column', 'mask-partition-key', why, 'leave it as it is, or mask what else identifies the person');
    }
    const [rewritten] = each.rules;
    if (rewritten !== undefined) {
      const why = `the rewrite rule ${rewritten} of ${nameOf(each)} may act on what is written`;
      say(index, 'table', 'mask-rewrite-rule', why, 'drop the rule in the copy');
    }
    const always = each.triggers.find(({ enabled }) => enabled === 'A' || enabled === 'R');
    const ordinary = each.triggers.find(({ enabled }) => enabled === 'O');
    if (always !== undefined) {
      const why = `the trigger ${always.name} fires whatever a session says, and would act on what is written`;
      const unblock = `in the copy: alter table ${quoteTable(each)} disable trigger "${always.name}"`;
      say(index, 'table', 'mask-trigger', why, unblock);
    } else if (ordinary !== undefined && !catalogue.mayTurnTriggersOff) {
      const why = `the trigger ${ordinary.name} would act on what is written, and this login may not turn triggers off`;
      const unblock = 'mask with a superuser of the copy, or grant set on parameter session_replication_role';
      say(index, 'table', 'mask-trigger', why, unblock);
    }
  }
}

/** Both sides of a foreign key are masked by the same function, or neither is. */
function checkForeignKey(
  key: MaskForeignKey,
  placed: readonly PlacedRule[],
  tables: ReadonlyMap<string, MaskTable>,
  say: Say,
): void {
  const rootOf = (name: string): string => tables.get(name)?.partitionOf ?? name;
  const ruleFor = (table: string, column: string | undefined) =>
    placed.find((each) => nameOf(each.table) === rootOf(table) && each.rule.column === column);
  key.columns.forEach((column, i) => {
    const referenced = key.referencedColumns[i];
    const from = ruleFor(key.table, column);
    const to = ruleFor(key.references, referenced);
    const one = from ?? to;
    if (one === undefined || from === to) return;
    const missing = from === undefined ? `${key.table}.${column}` : `${key.references}.${referenced}`;
    if (from === undefined || to === undefined) {
      const why = `${key.name} ties it to ${missing}, which no rule masks: the key would be broken`;
      say(one.index, 'column', 'mask-one-side', why, `add the same rule for ${missing}`);
    } else if (functionOf(from) !== functionOf(to)) {
      const why = `${key.name} ties it to ${key.references}.${referenced}, which spec.rules[${to.index}] masks otherwise`;
      say(from.index, 'mask', 'mask-two-ways', why, 'give both the same masker with the same options');
    }
  });
}

/** Which function a rule applies, with all that its result depends on. */
function functionOf({ rule }: PlacedRule): string {
  const { table: _, column: __, ...how } = rule;
  return JSON.stringify(how);
}
