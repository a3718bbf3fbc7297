import { z } from 'zod';
import { manifestSchema } from '../trust/manifest.ts';
import { trustSchema } from '../trust/trust-file.ts';
import { KINDS } from './catalog.ts';

/** A JSON Schema (draft 2020-12), as served and checked in. */
export type JsonSchema = Readonly<Record<string, unknown>>;

let made: Readonly<Record<string, JsonSchema>> | undefined;

/**
 * JSON Schemas of everything that people write, by kind: for editors and forms. What a schema can't say (references,
 * rules across fields) is checked by the readers alone.
 */
export function documentSchemas(): Readonly<Record<string, JsonSchema>> {
  made ??= makeSchemas();
  return made;
}

function makeSchemas(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries([
    ...KINDS.map((each) => [each.kind, schemaOf(each.kind, each.document)] as const),
    ['Trust', schemaOf('Trust', trustSchema)] as const,
    ['Release', schemaOf('Release', manifestSchema)] as const,
  ]);
}

function schemaOf(kind: string, schema: z.ZodType): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<
    string,
    unknown
  >;
  return { $schema, $id: `https://headgate.dev/schemas/${kind.toLowerCase()}.json`, title: kind, ...rest };
}
