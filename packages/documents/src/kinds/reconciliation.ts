/**
 * How two sides of a business fact are compared after a rollback (the store's invoices, the other system's postings),
 * and what is done about each kind of difference. What no rule covers is put before a person.
 */
import { EFFECTS, SIDES, TRANSACTION_CLASSES, USUAL_COMPENSATION_APPROVALS } from '@headgate/domain';
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

const parameterPhrase = expects('$key, $tenant, $left.<column>, $right.<field> or $asked.<field>');
const parameter = z
  .string(parameterPhrase)
  .regex(/^\$(key|tenant|(left|right|asked)\.[A-Za-z_][A-Za-z0-9_]{0,62})$/, parameterPhrase);

/** Which of the three sources a fact of each side is found in. */
const FOUND: Readonly<Record<(typeof SIDES)[number], readonly ('left' | 'right' | 'asked')[]>> = {
  'left-only': ['left'],
  'right-only': ['right'],
  'both-differ': ['left', 'right'],
  'both-agree': ['left', 'right'],
  neither: ['asked'],
};

const ONLY = { left: 'on the left only', right: 'on the right only', asked: 'on neither side' } as const;
const OF = { left: 'the left side', right: 'the right side', asked: 'what was asked for' } as const;
const LACKS = { left: 'left one', right: 'right one', asked: 'such thing here' } as const;

const rule = fields({
  name,
  class: oneOf(...TRANSACTION_CLASSES)
    .exactOptional()
    .describe('What such a difference is; without it the class follows from the side and the effect.'),
  when: fields({
    side: oneOf(...SIDES).describe(
      'Where the fact is found, and whether the compared fields agree. Neither: it was asked for, and that is all.',
    ),
    left: where.exactOptional().describe('Columns that must have these values.'),
    right: where.exactOptional().describe('Fields that must have these values.'),
    asked: where.exactOptional().describe('Fields of what was asked for that must have these values.'),
  }),
  do: fields({
    effect: oneOf(...EFFECTS).describe(
      'Replay sends the fact again (idempotently); acknowledge records that the other side has it; cancel takes it back; post-difference books what is missing between the two.',
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
  const found = FOUND[when.side];
  const only = found.length === 1 ? ONLY[found[0]!] : 'on the left and on the right';
  for (const source of ['left', 'right', 'asked'] as const)
    if (when[source] !== undefined && !found.includes(source)) issue(['when', source], `nothing: the fact is ${only}`);
  action?.params.forEach((each, i) => {
    const source = each.slice(1).split('.')[0]!;
    if (source in ONLY && !found.includes(source as keyof typeof ONLY))
      issue(
        ['do', 'params', i],
        `a value of ${found.map((f) => OF[f]).join(' or ')}: there is no ${LACKS[source as keyof typeof ONLY]}`,
      );
  });
  const used = [...(action?.sql ?? '').matchAll(/\$(\d{1,4})/g)].map((match) => Number(match[1]));
  const most = Math.max(0, ...used);
  if (action !== undefined && most !== action.params.length)
    issue(['do', 'params'], `${most} values, as many as the statement names`);
});

const connection = name.describe('The agent’s name for the other system; address and credentials are its own.');
const path = text(1_000)
  .regex(/^\/(?!\/)/, expects('a path that starts with /'))
  .refine((value) => value.replaceAll('{tenant}', '').search(/[{}]/) < 0, expects('no placeholder but {tenant}'))
  .describe('Asked once for each tenant, {tenant} being its name.');
const items = pointer.describe('Where the list of facts stands in the answer.');
const paging = fields({
  parameter: field.describe('Query parameter that asks for the next page.'),
  next: pointer.describe('Where the answer says what to ask for; null or missing at the end.'),
  maxPages: whole(1, 100_000).default(1_000),
});

const people = (risk: keyof typeof USUAL_COMPENSATION_APPROVALS) =>
  whole(0, 20).default(USUAL_COMPENSATION_APPROVALS[risk]);

const spec = fields({
  left: fields({
    sql: sql.describe('Runs in the store, read-only; $1 is the list of tenants. One row a fact.'),
  }),
  right: fields({ connection, path, items, paging: paging.exactOptional() }),
  asked: fields({
    connection,
    path,
    items,
    paging: paging.exactOptional(),
    key: field.describe('In an item: what it was asked for under, a request’s own key.'),
    left: field.describe('Column of the left side that carries that key.'),
  })
    .exactOptional()
    .describe('What somebody asked for, where that is kept: what neither side has of it never happened.'),
  key: fields({ left: field, right: field }).describe('What identifies the fact on both sides.'),
  tenant: fields({ left: field, right: field.exactOptional() }).describe(
    'Whose fact it is; on the right, the asked tenant where no field says it.',
  ),
  identity: fields({ left: field, right: field })
    .exactOptional()
    .describe('With the tenant: the same fact under whatever key. A second one on a side is a doubled one.'),
  underway: where
    .exactOptional()
    .describe(
      'Columns of the left side by which the system is still at work on it: no rule touches it until it settles.',
    ),
  compare: named(
    fields({ name, left: field, right: field, as: oneOf('text', 'number').default('text') }),
    1,
    30,
  ).describe('What must be the same on both sides, exactly.'),
  money: fields({
    field: name.describe('The compared number that is the fact’s money.'),
    minorDigits: whole(0, 9)
      .default(0)
      .describe('Digits behind the point, where it is kept in cents; for what people read.'),
    currency: fields({ left: field, right: field }).exactOptional(),
    mediumFrom: whole(0)
      .exactOptional()
      .describe('From so much between the sides on, the risk is medium; by default from nothing on.'),
    highFrom: whole(0).exactOptional().describe('From so much on, the risk is high.'),
  }).exactOptional(),
  rules: named(rule, 0, 50).describe('The first rule that fits decides.'),
  approvals: fields({
    low: people('low'),
    medium: people('medium'),
    high: people('high'),
  })
    .exactOptional()
    .describe('How many different people must approve a plan before a person has it carried out, by its risk.'),
  settleMs: milliseconds(0)
    .max(600_000, expects('at most 600000'))
    .default(10_000)
    .describe('How long the sides may take to agree after rules were applied.'),
}).check((context) => {
  const { approvals, asked, compare, money, rules } = context.value;
  const issue = (path: (string | number)[], expected: string) =>
    context.issues.push({ code: 'custom', message: `expected:${expected}`, path, input: context.value });
  if (money !== undefined && !compare.some((each) => each.name === money.field && each.as === 'number'))
    issue(['money', 'field'], 'the name of a compared field that is a number');
  if (approvals !== undefined && (approvals.medium < approvals.low || approvals.high < approvals.medium))
    issue(['approvals'], 'no fewer people for a higher risk');
  rules.forEach((each, i) => {
    if (each.when.side === 'neither' && asked === undefined)
      issue(['rules', i, 'when', 'side'], 'asked, so that it is known what was asked for');
  });
});

export const reconciliation = kind(
  'Reconciliation',
  'Two sides of a business fact, and what is done where they differ.',
  spec,
);
export type ReconciliationContent = ContentOf<typeof reconciliation>;
