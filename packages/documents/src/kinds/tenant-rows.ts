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

const bareTable = expects('a table of the schema, without the schema’s name: letters, digits, _ and $');
const schemas = fields({
  named: text(100)
    .regex(/^[^.{}]*\{tenant\}[^.{}]*$/, expects('a schema’s name with {tenant} once, and no dot: tenant_{tenant}'))
    .describe('How a tenant’s schema is named: {tenant} is what stands for the tenant.'),
  leave: distinct(
    fields({
      table: z.string(bareTable).regex(/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/, bareTable),
      columns: columns(1, 200)
        .exactOptional()
        .describe('Columns that a migration added, dropped or changed since the moment; without any the whole table.'),
    }),
    1,
    10_000,
    ({ table }) => table,
    'table',
  )
    .exactOptional()
    .describe('What of a tenant’s schema stays as it is.'),
});

const spec = fields({
  values: mapping(text(100), text(200), 100_000)
    .exactOptional()
    .describe('What stands for a tenant in tenant columns, by the tenant’s name; of one that isn’t here, its name.'),
  schemas: schemas
    .exactOptional()
    .describe('Where each tenant has a schema of its own: every table of it is the tenant’s, without a rule.'),
  rules: distinct(rule, 0, 10_000, (each) => each.table.replace(/^public\./, ''), 'table').describe(
    'One for each table of the store that is in no tenant’s schema: a table that no rule names is refused.',
  ),
}).check((context) => {
  const { rules, schemas: own } = context.value;
  if (rules.length > 0 || own !== undefined) return;
  const message = 'expected:at least one rule, unless tenants have schemas of their own';
  context.issues.push({ code: 'custom', message, path: ['rules'], input: rules });
});

export const tenantRows = kind('TenantRows', 'Whose the rows of each table of a shared store are.', spec);
export type TenantRowsContent = ContentOf<typeof tenantRows>;
