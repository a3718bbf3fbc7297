/** What becomes of people's data in a copy, column by column. Checked in as code; carried out by `headgate mask`. */
import { JSON_MASKS } from '@headgate/domain/masking/rule';
import { z } from 'zod';
import { distinct, expects, fields, list, oneOf, safePath, text, whole } from '../schema/fields.ts';
import { type ContentOf, kind } from './document.ts';

const tablePhrase = expects('a table, schema.table or *.table: letters, digits, _ and $');
const table = z
  .string(tablePhrase)
  .regex(/^((\*|[A-Za-z_][A-Za-z0-9_$]{0,62})\.)?[A-Za-z_][A-Za-z0-9_$]{0,62}$/, tablePhrase)
  .describe('Without a schema: of public; *.table: of every schema that has it.');
const columnPhrase = expects('a column: letters, digits, _ and $, at most 63');
const column = z.string(columnPhrase).regex(/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/, columnPhrase);

/** Only variables that are meant for it: a document must not make another secret a key. */
const envPhrase = expects('the name of an environment variable that begins with HEADGATE_MASK_');
const key = z
  .union(
    [
      fields({ env: z.string(envPhrase).regex(/^HEADGATE_MASK_[A-Z0-9_]{1,80}$/, envPhrase) }),
      fields({ file: safePath.describe('Beside the rules; only its owner may read it.') }),
    ],
    expects('a secret by reference: {env: HEADGATE_MASK_…} or {file: …}'),
  )
  .describe('Where the key is found: at least 32 characters. The same key gives the same masks everywhere.');

const domainPhrase = expects('a domain like example.org');
const domain = z
  .string(domainPhrase)
  .max(100, domainPhrase)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$/, domainPhrase);

const at = { table, column };
const keep = (initially: number) =>
  whole(0, 20).default(initially).describe('So many of the first characters stay as they are.');
const jsonField = fields({
  field: text(200).describe('Wherever in the value it stands.'),
  as: oneOf(...JSON_MASKS),
});

const rule = z.discriminatedUnion(
  'mask',
  [
    fields({ ...at, mask: z.literal('person-name'), part: oneOf('full', 'first', 'last').default('full') }),
    fields({
      ...at,
      mask: z.literal('email'),
      domain: domain.default('example.org').describe('One that delivers nothing to anybody.'),
    }),
    fields({ ...at, mask: z.literal('phone'), keep: keep(3) }),
    fields({ ...at, mask: z.literal('code'), keep: keep(0) }),
    fields({ ...at, mask: z.literal('address') }),
    fields({ ...at, mask: z.literal('iban') }),
    fields({ ...at, mask: z.literal('card') }),
    fields({ ...at, mask: z.literal('tax-id') }),
    fields({ ...at, mask: z.literal('number') }),
    fields({ ...at, mask: z.literal('uuid') }),
    fields({ ...at, mask: z.literal('ip') }),
    fields({
      ...at,
      mask: z.literal('date'),
      by: column.describe('Whose days they are: all days of one value move by the same number.'),
      days: whole(1, 3_650).default(14).describe('The most by which they move, to either side.'),
    }),
    fields({
      ...at,
      mask: z.literal('amount'),
      percent: whole(1, 50).default(5).describe('The most by which a value changes.'),
      decimals: whole(0, 6).default(2),
      keepTotalBy: distinct(column, 0, 5, (each) => each)
        .exactOptional()
        .describe('The total of each group of rows that agree in these columns stays; an empty list: of the table.'),
    }),
    fields({
      ...at,
      mask: z.literal('text'),
      with: z
        .string(expects('a text'))
        .max(200, expects('at most 200 characters'))
        .default('')
        .describe('Stands in place of every text.'),
    }),
    fields({ ...at, mask: z.literal('json'), fields: distinct(jsonField, 1, 100, (each) => each.field, 'field') }),
  ],
  expects(
    'a rule: table, column and mask: person-name, email, phone, code, address, iban, card, tax-id, number, uuid, ip, date, amount, text or json',
  ),
);

const spec = fields({
  key,
  rules: distinct(rule, 1, 2_000, (each) => `${each.table.replace(/^public\./, '')}.${each.column}`, 'column'),
  leakScan: fields({
    expected: list(fields({ table, column, because: text(300) }), 0, 200).describe(
      'Places in which original values may stand, and why: a word that is a surname and a colour, too.',
    ),
  }).exactOptional(),
});

export const masking = kind('Masking', 'What becomes of people’s data in a copy, column by column.', spec);
export type MaskingContent = ContentOf<typeof masking>;
