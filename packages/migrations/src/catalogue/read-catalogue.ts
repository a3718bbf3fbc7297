import { z } from 'zod';
import type { Catalogue } from './catalogue.ts';

/** Most relations of one catalogue: 10,000 tenants in schemas of their own have as many tables. */
export const MOST_RELATIONS = 1_000_000;

const text = z.string().max(100_000);
const name = z.string().min(1).max(300);
const names = z.array(name).max(10_000);
const size = z.number().nonnegative().nullable();
const use = z.strictObject({ relation: name, columns: names });

const trigger = z.union([
  // As it was written before: a name alone, of which nothing more is known.
  name.transform((known) => ({ name: known })),
  z.strictObject({
    name,
    fires: z
      .strictObject({
        calls: name,
        events: z.array(z.enum(['insert', 'update', 'delete', 'truncate'])).max(4),
        columns: names.optional(),
        each: z.enum(['row', 'statement']),
        decides: z.literal(true).optional(),
        conditional: z.literal(true).optional(),
        off: z.literal(true).optional(),
      })
      .optional(),
  }),
]);

const published = z.strictObject({ by: name, columns: names.optional(), filters: names.optional() });

const publication = z.strictObject({
  name,
  allTables: z.literal(true).optional(),
  schemas: names.optional(),
  publishes: z.array(z.enum(['insert', 'update', 'delete', 'truncate'])).max(4),
});

const volatility = z.enum(['immutable', 'stable', 'volatile']);

const operator = z.strictObject({
  schema: name,
  name,
  calls: name,
  left: name.optional(),
  right: name.optional(),
  volatility,
});

const cast = z.strictObject({
  from: name,
  to: name,
  calls: name,
  applies: z.enum(['explicit', 'assignment', 'implicit']),
  volatility,
});

const action = z.enum(['cascade', 'set null', 'set default']);

const schema = z.strictObject({
  server: z.number().int().min(10).max(99),
  timeZone: z.string().max(100),
  searchPath: names,
  binaryCasts: names,
  publications: z.array(publication).max(10_000).optional(),
  operators: z.array(operator).max(MOST_RELATIONS).optional(),
  casts: z.array(cast).max(MOST_RELATIONS).optional(),
  readAt: z.number().int().nonnegative().optional(),
  schemaVersion: z.number().int().nonnegative().optional(),
  relations: z
    .array(
      z.strictObject({
        schema: name,
        name,
        kind: z.enum(['table', 'partitioned', 'view', 'materialized-view', 'foreign', 'sequence']),
        rows: size,
        bytes: size,
        indexBytes: size,
        columns: z
          .array(
            z.strictObject({
              name,
              type: name,
              nullable: z.boolean(),
              default: text.optional(),
              generated: z.enum(['stored', 'virtual']).optional(),
              from: names.optional(),
              identity: z.boolean().optional(),
            }),
          )
          .max(2_000),
        constraints: z
          .array(
            z.strictObject({
              name,
              kind: z.enum(['check', 'primary', 'unique', 'foreign', 'exclude', 'not-null']),
              columns: names,
              validated: z.boolean(),
              expression: text.optional(),
              references: use.optional(),
              onUpdate: action.optional(),
              onDelete: action.optional(),
              noInherit: z.literal(true).optional(),
            }),
          )
          .max(10_000),
        indexes: z
          .array(
            z.strictObject({
              name,
              columns: names,
              reads: names,
              unique: z.boolean(),
              computed: z.boolean(),
              valid: z.boolean(),
              method: name.optional(),
              included: z.number().int().min(0).max(100).optional(),
              plain: z.boolean().optional(),
            }),
          )
          .max(10_000),
        triggers: z.array(trigger).max(10_000),
        parents: names,
        defaultPartition: z.boolean().optional(),
        uses: z.array(use).max(10_000).optional(),
        calls: names.optional(),
        ownedBy: use.optional(),
        rowSecurity: z.boolean().optional(),
        unlogged: z.boolean().optional(),
        replicaIdentity: z.union([z.enum(['full', 'nothing']), z.strictObject({ index: name })]).optional(),
        published: z.array(published).max(10_000).optional(),
        rules: names.optional(),
        policies: names.optional(),
      }),
    )
    .max(MOST_RELATIONS),
  types: z
    .array(
      z.strictObject({
        schema: name,
        name,
        kind: z.enum(['enum', 'domain', 'composite', 'range', 'other']),
        base: name.optional(),
        constrained: z.boolean().optional(),
        default: text.optional(),
        calls: names.optional(),
        volatileText: z.literal(true).optional(),
        values: z.array(z.string().max(300)).max(100_000).optional(),
        attributes: z
          .array(z.strictObject({ name, type: name }))
          .max(2_000)
          .optional(),
      }),
    )
    .max(MOST_RELATIONS),
  routines: z
    .array(
      z.strictObject({
        schema: name,
        name,
        arguments: z.number().int().min(0).max(200),
        volatility,
        language: name,
        source: z.string().max(1_000_000).optional(),
      }),
    )
    .max(MOST_RELATIONS),
});

/** A catalogue from JSON, as `headgate analyse --write-catalogue` wrote it; or where it is wrong. */
export function readCatalogue(
  json: string,
): { readonly ok: true; readonly catalogue: Catalogue } | { readonly ok: false; readonly why: string } {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return { ok: false, why: `it is no JSON: ${(error as Error).message.slice(0, 200)}` };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, catalogue: parsed.data as Catalogue };
  const [issue] = parsed.error.issues;
  return { ok: false, why: `at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}` };
}
