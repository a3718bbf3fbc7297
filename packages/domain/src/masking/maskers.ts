/**
 * The maskers: which types each fits, whether different values stay different, and the call of the function that the
 * database runs. The functions themselves are the adapter's; here stands only what is decided by.
 */
import { type MaskColumn, quoteName, quoteText } from './catalogue.ts';
import type { JsonMask, Mask, MaskerName } from './rule.ts';

export interface Masker<M extends Mask = Mask> {
  /** Base types that it takes. */
  readonly types: ReadonlySet<string>;
  /**
   * `permutation`: different values stay different, always. `by-chance`: they do but for a chance that is stated in the
   * decision record (a unique index would refuse the copy rather than let it pass). `no`: they may meet.
   */
  readonly injective: 'permutation' | 'by-chance' | 'no';
  /** The most characters of a result that isn't as long as what it masks; undefined: the length stays. */
  longest?(mask: M): number;
  /** Whether an original value found anywhere afterwards is a leak: not so of amounts and days, which meet by chance. */
  readonly identifies: boolean;
  /** Of which values alone, as a condition in SQL of one; absent: of all. */
  identifying?(value: string): string;
  /** Whether a mask has the form of an original, so that it may be another person's. */
  readonly sameForm?: true;
  /** The functions that it uses, by name: a key is derived from each, so the same name is the same function everywhere. */
  functions(mask: M): readonly string[];
  /** The masked value in SQL, of a value in SQL; `keys` are the parameters with the keys of its functions. */
  sql(mask: M, value: string, ...keys: readonly string[]): string;
}

const TEXTS = new Set(['text', 'varchar', 'bpchar', 'citext', 'name']);
const INTEGERS = new Set(['int2', 'int4', 'int8', 'numeric']);
const AMOUNTS = new Set(['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'money']);
const DAYS = new Set(['date', 'timestamp', 'timestamptz']);
const JSONS = new Set(['json', 'jsonb']);

/** Masks of fields in JSON are those of columns, so that a person is called the same in both. */
const JSON_FUNCTIONS: Readonly<Record<JsonMask, string | undefined>> = {
  'person-name': 'person-name full',
  email: 'email',
  phone: 'phone 3',
  address: 'address',
  iban: 'iban',
  code: 'code 0',
  text: undefined,
};

/** Of these one's mask may be what another's value was. */
const JSON_SAME_FORM: ReadonlySet<JsonMask> = new Set(['phone', 'iban', 'code']);

/** The mask of one value in a field of JSON, where it could be taken for another one's original, else null; with its key as $3. */
export function jsonFieldMask(
  as: JsonMask,
  value: string,
): { readonly mask: string; readonly keys: readonly string[] } {
  const name = JSON_FUNCTIONS[as];
  if (name === undefined || !JSON_SAME_FORM.has(as)) return { mask: 'null', keys: [] };
  return {
    mask: `${call('mask_json_field', 'array[$3]::bytea[]', value, `'${as}:1'`, `'{}'`)} #>> '{}'`,
    keys: [name],
  };
}

const call = (name: string, ...given: readonly string[]): string => `headgate_copy.${name}(${given.join(', ')})`;

/** Whether a number has nine digits or more: shorter ones are also ids, amounts and counts of something else. In SQL, for any type of numbers. */
export function isLong(value: string): string {
  return `(${value}) not between -99999999 and 99999999`;
}

/** Letters of a name that is made: four syllables of two. */
const WORD = 8;

export const MASKERS: { readonly [N in MaskerName]: Masker<Extract<Mask, { mask: N }>> } = {
  'person-name': {
    types: TEXTS,
    injective: 'by-chance',
    longest: ({ part }) => (part === 'full' ? 2 * WORD + 1 : WORD),
    identifies: true,
    functions: ({ part }) => [`person-name ${part}`],
    sql: ({ part }, value, key = '') => call(`mask_${part}_name`, key, value),
  },
  email: {
    types: TEXTS,
    injective: 'by-chance',
    longest: ({ domain }) => WORD + 13 + 1 + domain.length,
    identifies: true,
    functions: () => ['email'],
    sql: ({ domain }, value, key = '') => call('mask_email', key, value, quoteText(domain)),
  },
  phone: {
    types: TEXTS,
    injective: 'permutation',
    identifies: true,
    sameForm: true,
    functions: ({ keep }) => [`phone ${keep}`],
    sql: ({ keep }, value, key = '') => call('mask_digits', key, value, String(keep)),
  },
  code: {
    types: TEXTS,
    injective: 'permutation',
    identifies: true,
    sameForm: true,
    functions: ({ keep }) => [`code ${keep}`],
    sql: ({ keep }, value, key = '') => call('mask_code', key, value, String(keep)),
  },
  address: {
    types: TEXTS,
    injective: 'no',
    longest: () => WORD + 4,
    identifies: true,
    functions: () => ['address'],
    sql: (_, value, key = '') => call('mask_address', key, value),
  },
  iban: {
    types: TEXTS,
    injective: 'by-chance',
    identifies: true,
    sameForm: true,
    functions: () => ['iban'],
    sql: (_, value, key = '') => call('mask_iban', key, value),
  },
  card: {
    types: TEXTS,
    injective: 'by-chance',
    identifies: true,
    sameForm: true,
    functions: () => ['card'],
    sql: (_, value, key = '') => call('mask_card', key, value),
  },
  'tax-id': {
    types: TEXTS,
    injective: 'by-chance',
    identifies: true,
    sameForm: true,
    functions: () => ['tax-id'],
    sql: (_, value, key = '') => call('mask_tax_id', key, value),
  },
  number: {
    types: INTEGERS,
    injective: 'permutation',
    identifies: true,
    identifying: isLong,
    sameForm: true,
    functions: () => ['number'],
    sql: (_, value, key = '') => call('mask_number', key, `(${value})::int8`),
  },
  uuid: {
    types: new Set(['uuid']),
    injective: 'by-chance',
    identifies: true,
    functions: () => ['uuid'],
    sql: (_, value, key = '') => call('mask_uuid', key, value),
  },
  ip: {
    types: new Set(['inet', 'cidr', ...TEXTS]),
    injective: 'by-chance',
    identifies: true,
    sameForm: true,
    functions: () => ['ip'],
    sql: (_, value, key = '') => call('mask_ip', key, value),
  },
  date: {
    types: DAYS,
    injective: 'no',
    identifies: false,
    functions: ({ days }) => [`date ${days}`],
    sql: ({ by, days }, value, key = '') =>
      call('mask_date', key, value, `coalesce(source.${quoteName(by)}::text, '')`, String(days)),
  },
  amount: {
    types: AMOUNTS,
    injective: 'no',
    identifies: false,
    functions: ({ percent, decimals }) => [`amount ${percent} ${decimals}`],
    sql: ({ percent, decimals }, value, key = '') =>
      call('mask_amount', key, `(${value})::numeric`, String(percent), String(decimals)),
  },
  text: {
    types: TEXTS,
    injective: 'no',
    longest: (mask) => mask.with.length,
    identifies: true,
    functions: () => [],
    sql: (mask, value) => `case when (${value}) is not null then ${quoteText(mask.with)} end`,
  },
  json: {
    types: JSONS,
    injective: 'no',
    identifies: false,
    functions: ({ fields }) => [...new Set(fields.flatMap(({ as }) => JSON_FUNCTIONS[as] ?? []))],
    sql: ({ fields }, value, ...keys) => {
      const known = [...new Set(fields.flatMap(({ as }) => JSON_FUNCTIONS[as] ?? []))];
      // By field: how, and the number of its key.
      const told = fields.map(({ field, as }) => [field, `${as}:${known.indexOf(JSON_FUNCTIONS[as] ?? '') + 1}`]);
      const masks = `${quoteText(JSON.stringify(Object.fromEntries(told)))}::jsonb`;
      return call('mask_json', `array[${keys.join(', ')}]::bytea[]`, `(${value})::jsonb`, masks);
    },
  },
};

/** The masker of a mask. */
/** Whether a mask is of single values only: what one member of a list becomes would depend on the others, or on another column. */
export function takesSingleValues(mask: MaskerName): boolean {
  return mask === 'date' || mask === 'amount' || mask === 'json';
}

export function maskerOf<M extends Mask>(mask: M): Masker<M> {
  return MASKERS[mask.mask] as unknown as Masker<M>;
}

/** In which a long number can stand. */
export const LONG_NUMBERS: ReadonlySet<string> = new Set(['int4', 'int8', 'numeric', 'float4', 'float8']);

/** A column's masked value in SQL, as an expression over a row of its table, which is called `source`. */
export function maskedColumn(mask: Mask, column: MaskColumn, keyOf: (name: string) => string): string {
  const masker = maskerOf(mask);
  const keys = masker.functions(mask).map(keyOf);
  const own = `source.${quoteName(column.name)}`;
  // A function of text is told what it is given: varchar and char are no text where functions are looked for.
  const taken = (value: string): string => (TEXTS.has(column.base) ? `(${value})::text` : value);
  if (!column.array) return `(${masker.sql(mask, taken(own), ...keys)})::${column.type}`;
  const each = masker.sql(mask, taken('each.value'), ...keys);
  return (
    `(case when cardinality(${own}) > 0 then (select array_agg((${each})::text order by each.place) ` +
    `from unnest(${own}) with ordinality as each(value, place))::${column.type} else ${own} end)`
  );
}
