/**
 * How two sides of a business fact are compared after a rollback (the store's invoices, the other system's postings),
 * and what is done about each kind of difference. What no rule covers is put before a person.
 */
import { z } from 'zod';
import { expects, fields, list, mapping, milliseconds, name, named, oneOf, text, whole } from '../schema/fields.ts';
import { type ContentOf, kind } from './document.ts';

const fieldPhrase = expects('a field or column: letters, digits and underscores, at most 63');
const field = z.string(fieldPhrase).regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, fieldPhrase);
const sql = text(20_000, 'one SQL statement of at most 20000 characters');
const pointerPhrase = expects('a JSON pointer like /items, or an empty text for the whole answer');
const pointer = z
  .string(pointerPhrase)
  .max(500, pointerPhrase)
  .regex(/^(\/([^~]|~[01])*)?$/, pointerPhrase);

const scalarPhrase = expects('a text, a number, true, false or null');
const scalar = z.union([z.string().max(500), z.number(), z.boolean(), z.null()], scalarPhrase);
const condition = z.union(
  [scalar, z.array(scalar).min(1).max(50)],
  expects('a value, or a list of values of which one fits'),
);
const where = mapping(field, condition, 20);

const parameterPhrase = expects('$key, $tenant, $left.<column> or $right.<field>');
const parameter = z
  .string(parameterPhrase)
  .regex(/^\$(key|tenant|(left|right)\.[A-Za-z_][A-Za-z0-9_]{0,62})$/, parameterPhrase);

const rule = fields({
  name,
  when: fields({
    side: oneOf('left-only', 'right-only', 'both-differ', 'both-agree').describe(
      'Where the fact is found, and whether the compared fields agree.',
    ),
    left: where.exactOptional().describe('Columns that must have these values.'),
    right: where.exactOptional().describe('Fields that must have these values.'),
  }),
  do: fields({
    effect: oneOf('replay', 'acknowledge').describe(
      'Replay sends the fact again (idempotently); acknowledge records that the other side has it.',
    ),
    sql: sql.describe('Runs in the store, in one fenced transaction for all differences.'),
    params: list(parameter, 0, 30).describe('Values of $1, $2 …'),
  }).exactOptional(),
  ask: text(500).exactOptional().describe('In place of do: the question that is put before a person.'),
}).check((context) => {
  const { do: action, ask, when } = context.value;
  const issue = (path: (string | number)[], expected: string) =>
    context.issues.push({ code: 'custom', message: `expected:${expected}`, path, input: context.value });
  if ((action === undefined) === (ask === undefined)) issue(['do'], 'either do or ask');
  if (when.side === 'left-only' && when.right !== undefined)
    issue(['when', 'right'], 'nothing: the fact is on the left only');
  if (when.side === 'right-only' && when.left !== undefined)
    issue(['when', 'left'], 'nothing: the fact is on the right only');
  action?.params.forEach((each, i) => {
    if (when.side === 'left-only' && each.startsWith('$right.'))
      issue(['do', 'params', i], 'a value of the left side: there is no right one');
    if (when.side === 'right-only' && each.startsWith('$left.'))
      issue(['do', 'params', i], 'a value of the right side: there is no left one');
  });
  const used = [...(action?.sql ?? '').matchAll(/\$(\d{1,4})/g)].map((match) => Number(match[1]));
  const most = Math.max(0, ...used);
  if (action !== undefined && most !== action.params.length)
    issue(['do', 'params'], `${most} values, as many as the statement names`);
});

const spec = fields({
  left: fields({
    sql: sql.describe('Runs in the store, read-only; $1 is the list of tenants. One row a fact.'),
  }),
  right: fields({
    connection: name.describe('The agent’s name for the other system; address and credentials are its own.'),
    path: text(1_000)
      .regex(/^\/(?!\/)/, expects('a path that starts with /'))
      .refine((value) => value.replaceAll('{tenant}', '').search(/[{}]/) < 0, expects('no placeholder but {tenant}'))
      .describe('Asked once for each tenant, {tenant} being its name.'),
    items: pointer.describe('Where the list of facts stands in the answer.'),
    paging: fields({
      parameter: field.describe('Query parameter that asks for the next page.'),
      next: pointer.describe('Where the answer says what to ask for; null or missing at the end.'),
      maxPages: whole(1, 100_000).default(1_000),
    }).exactOptional(),
  }),
  key: fields({ left: field, right: field }).describe('What identifies the fact on both sides.'),
  tenant: fields({ left: field, right: field.exactOptional() }).describe(
    'Whose fact it is; on the right, the asked tenant where no field says it.',
  ),
  compare: named(
    fields({ name, left: field, right: field, as: oneOf('text', 'number').default('text') }),
    1,
    30,
  ).describe('What must be the same on both sides, exactly.'),
  rules: named(rule, 0, 50).describe('The first rule that fits decides.'),
  settleMs: milliseconds(0)
    .max(600_000, expects('at most 600000'))
    .default(10_000)
    .describe('How long the sides may take to agree after rules were applied.'),
});

export const reconciliation = kind(
  'Reconciliation',
  'Two sides of a business fact, and what is done where they differ.',
  spec,
);
export type ReconciliationContent = ContentOf<typeof reconciliation>;
