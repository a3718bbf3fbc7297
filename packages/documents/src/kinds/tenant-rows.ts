/** Whose the rows of each table of a shared store are. Checked in as code; read by `headgate-agent recover-tenant`. */
import { z } from 'zod';
import { distinct, expects, fields, mapping, text } from '../schema/fields.ts';
import { type ContentOf, kind } from './document.ts';

const tablePhrase = expects('a table, or schema.table: letters, digits, _ and $');
const table = z
  .string(tablePhrase)
  .regex(/^([A-Za-z_][A-Za-z0-9_$]{0,62}\.)?[A-Za-z_][A-Za-z0-9_$]{0,62}$/, tablePhrase)
  .describe('Without a schema: of public.');
const columnPhrase = expects('a column: letters, digits, _ and $, at most 63');
const column = z.string(columnPhrase).regex(/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/, columnPhrase);
const columns = (least: number, most: number) => distinct(column, least, most, (each) => each);

const leave = columns(1, 200)
  .exactOptional()
  .describe('Columns that a migration added, dropped or changed since the moment, and that stay as they are.');

const rule = z.discriminatedUnion(
  'rows',
  [
    fields({
      table,
      rows: z.literal('tenant').describe('Each row carries its tenant.'),
      column: column.describe('The column that says whose the row is.'),
      leave,
    }),
    fields({
      table,
      rows: z.literal('through').describe('A row is whose the row is that a foreign key leads to.'),
      by: columns(1, 32).describe('The columns of that foreign key.'),
      of: table.describe('The table that it leads to.'),
      leave,
    }),
    fields({ table, rows: z.literal('shared').describe('Nobody’s alone: neither read nor changed.') }),
  ],
  expects('a rule: table and rows: tenant (with column), through (with by and of) or shared'),
);

const spec = fields({
  values: mapping(text(100), text(200), 100_000)
    .exactOptional()
    .describe('What stands for a tenant in tenant columns, by the tenant’s name; of one that isn’t here, its name.'),
  rules: distinct(rule, 1, 10_000, (each) => each.table.replace(/^public\./, ''), 'table').describe(
    'One for each table of the store: a table that no rule names is refused.',
  ),
});

export const tenantRows = kind('TenantRows', 'Whose the rows of each table of a shared store are.', spec);
export type TenantRowsContent = ContentOf<typeof tenantRows>;
