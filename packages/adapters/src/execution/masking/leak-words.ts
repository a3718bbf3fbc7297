/** Functions that take a text apart into words, so that originals are found in whatever they stand. SQL for PostgreSQL 14 and newer. */

/** What stands between words, and isn't a part of one. */
const BETWEEN = ` \t\n\r!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`;
const quoted = `E'${BETWEEN.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;

export const LEAK_WORDS: readonly string[] = [
  `create or replace function headgate_copy.leak_words(value text) returns text[]
language sql immutable parallel safe as $f$
  select array_remove(string_to_array(translate(lower(value), ${quoted}, repeat(' ', ${BETWEEN.length})), ' '), '')
$f$`,
  // One short word, or few digits, stand everywhere and say nothing of anybody.
  `create or replace function headgate_copy.leak_counts(words text[]) returns boolean
language sql immutable parallel safe as $f$
  select case when cardinality(words) = 0 or words is null then false
    when array_to_string(words, '') ~ '^[0-9]*$' then length(array_to_string(words, '')) >= 6
    else length(array_to_string(words, '')) >= 4 end
$f$`,
];
