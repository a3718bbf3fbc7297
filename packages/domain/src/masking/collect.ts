/** What is put aside before masking, so that afterwards it can be told whether any of it is still there: keyed digests alone. */
import { type MaskTable, quoteName, quoteTable, quoteText } from './catalogue.ts';
import { maskerOf } from './maskers.ts';
import type { MaskingRule } from './rule.ts';
import type { MaskStatement } from './statement.ts';

/** Longer texts are known by their first words. */
export const MOST_WORDS = 8;

/**
 * Statements that put aside the digests of a table's values that identify somebody; $1 is the seed of the digests. Of a
 * masker that gives values of the same form, the mask's digest is kept beside: one person's mask may be what another's
 * number was, and is no leak then.
 */
export function collectStatements(table: MaskTable, rules: readonly MaskingRule[]): readonly MaskStatement[] {
  return rules.flatMap((rule) => {
    const column = table.columns.find((each) => each.name === rule.column);
    if (column === undefined) return [];
    const own = `source.${quoteName(rule.column)}`;
    const from = `only ${quoteTable(table)} as source`;
    if (rule.mask === 'json')
      return rule.fields.map(({ field }) => {
        const path = `${quoteText(`strict $.**.${JSON.stringify(field)}`)}::jsonpath`;
        const texts = `lateral jsonb_path_query(${own}::jsonb, ${path}, '{}', true) as found(value)`;
        return collect(`found.value #>> '{}'`, `${from}, ${texts}`, `jsonb_typeof(found.value) = 'string'`);
      });
    const masker = maskerOf(rule);
    if (!masker.identifies) return [];
    const keys = masker.sameForm ? masker.functions(rule) : [];
    const one = column.array ? 'each.value' : own;
    const text = column.base === 'inet' || column.base === 'cidr' ? one : `(${one})::text`;
    const mask = masker.sameForm ? `(${masker.sql(rule, text, ...keys.map((_, i) => `$${i + 2}::bytea`))})::text` : undefined;
    const rows = column.array ? `${from}, unnest(${own}) as each(value)` : from;
    return [{ ...collect(`${one}::text`, rows, `${one} is not null`, mask), keys }];
  });
}

/** Short words and short numbers stand everywhere, and say nothing of anybody. */
function collect(value: string, from: string, where: string, mask = 'null::text'): MaskStatement {
  const digest = (words: string): string =>
    `hashtextextended(array_to_string(${words}[1:${MOST_WORDS}], ' '), $1::int8)`;
  const sql = `insert into headgate_copy.original (digest, words, mask)
select distinct ${digest('words')}, least(cardinality(words), ${MOST_WORDS}), ${digest('masked')}
from (select headgate_copy.leak_words(${value}) as words, headgate_copy.leak_words(${mask}) as masked from ${from} where ${where}) as told
where headgate_copy.leak_counts(words)`;
  return { sql, keys: [] };
}
