import { distinct, expects, fields, mapping, milliseconds, name, named, names, oneOf, text } from '../schema/fields.ts';
import { contacts } from './contacts.ts';
import { type ContentOf, kind } from './document.ts';
import { operations } from './operations.ts';

export const tenancy = oneOf('store-per-tenant', 'schema-per-tenant', 'rows');

const column = text(63).regex(/^[a-z_][a-z0-9_]*$/, expects('a column: lower-case letters, digits and underscores'));
const table = text(127).regex(
  /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/,
  expects('a table, optionally with its schema'),
);

const spec = fields({
  tenancy: tenancy.describe('How tenants live in a store, unless a cell says otherwise for one of its stores.'),
  tenantKeys: mapping(table, column, 2_000)
    .exactOptional()
    .describe('With tenancy "rows": the column of each table that says whose row it is.'),
  components: named(
    fields({
      name,
      role: oneOf('web', 'worker', 'connector', 'infrastructure'),
      recovery: oneOf('stateless', 'stateful', 'system-of-record'),
    }),
    1,
    100,
  ).describe('The separately deployable parts.'),
  pipeline: names(1, 20).describe('Environments, in the order in which releases pass through them.'),
  rings: distinct(
    fields({ name, soakMs: milliseconds().describe('How long the ring is watched before the next one opens.') }),
    1,
    20,
    (ring) => ring.name,
    'name',
  ).describe('Cohorts of tenants, in the order in which a release reaches them.'),
  verification: name.describe('The Verification whose business transactions decide whether a release is sound.'),
  reconciliation: name
    .exactOptional()
    .describe('The Reconciliation that finds transactions caught half way by a rollback.'),
  operations,
  contacts,
}).check((context) => {
  const { tenancy, tenantKeys } = context.value;
  if (tenantKeys !== undefined && tenancy !== 'rows') {
    context.issues.push({
      code: 'custom',
      message: 'expected:no tenant keys, unless tenancy is "rows"',
      path: ['tenantKeys'],
      input: tenantKeys,
    });
  }
});

export const application = kind('Application', 'A system that is released as one.', spec);
export type ApplicationContent = ContentOf<typeof application>;
