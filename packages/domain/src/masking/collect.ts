/** What is read before masking, so that afterwards it can be told whether any of it is still there. */
import { type MaskTable, quoteName, quoteTable, quoteText } from './catalogue.ts';
import { isLong, jsonFieldMask, maskerOf } from './maskers.ts';
import type { MaskingRule } from './rule.ts';
import type { MaskStatement } from './statement.ts';

/** Types whose masker takes them as they are, and no text. */
const AS_THEY_ARE: ReadonlySet<string> = new Set(['inet', 'cidr', 'int2', 'int4', 'int8', 'numeric']);

/**
 * Statements that read the values of a table that identify somebody, and their masks, of pages $1 to $2 (as ctid). The
 * mask is null but for maskers that give values of the same form: one person's mask may be what another's number was,
 * and is no leak then.
 */
export function collectStatements(table: MaskTable, rules: readonly MaskingRule[]): readonly MaskStatement[] {
  return rules.flatMap((rule) => {
    const column = table.columns.find((each) => each.name === rule.column);
    if (column === undefined) return [];
    const own = `source.${quoteName(rule.column)}`;
    const from = `only ${quoteTable(table)} as source`;
    const range = 'source.ctid >= $1::tid and source.ctid < $2::tid';
    if (rule.mask === 'json')
      return rule.fields.map(({ field, as }) => {
        // In lists and objects that stand in the field, too: all of it is masked.
        const path = `${quoteText(`strict $.**.${JSON.stringify(field)}.**`)}::jsonpath`;
        const values = `lateral jsonb_path_query(${own}::jsonb, ${path}, '{}', true) as found(value)`;
        const said = `found.value #>> '{}'`;
        const telling = `case jsonb_typeof(found.value) when 'string' then true when 'number' then ${isLong(`(${said})::numeric`)} else false end`;
        const { mask, keys } = jsonFieldMask(as, 'found.value');
        return { sql: `select ${said}, ${mask} from ${from}, ${values} where ${range} and ${telling}`, keys };
      });
    const masker = maskerOf(rule);
    if (!masker.identifies) return [];
    const keys = masker.sameForm ? masker.functions(rule) : [];
    const one = column.array ? 'each.value' : own;
    const value = AS_THEY_ARE.has(column.base) ? one : `(${one})::text`;
    const mask = masker.sameForm
      ? `(${masker.sql(rule, value, ...keys.map((_, i) => `$${i + 3}::bytea`))})::text`
      : 'null';
    const rows = column.array ? `${from}, unnest(${own}) as each(value)` : from;
    const which = masker.identifying === undefined ? '' : ` and ${masker.identifying(one)}`;
    return [{ sql: `select (${one})::text, ${mask} from ${rows} where ${range} and ${one} is not null${which}`, keys }];
  });
}
