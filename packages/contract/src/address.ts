/** What stands in an address: text alone, and only what the route knows. */
import { z } from 'zod';
import type { Route } from './route.ts';

/**
 * What a route takes behind the question mark. Whoever mistypes a filter must not get everything, so what isn't known is
 * refused; a probe of the open routes may add what it likes.
 */
export function queryOf({ query, needs }: Route): z.ZodType {
  if (needs.length === 0) return z.looseObject({});
  return query === undefined ? z.strictObject({}) : query.strict();
}

/**
 * The parameters of an address that should be whole numbers and aren't written as one: what turns a text into a number
 * takes `0x10`, ` 5` and even nothing for one.
 */
export function notWholeNumbers(schema: z.ZodType, values: unknown): readonly string[] {
  const shape = (schema as Partial<z.ZodObject>).shape ?? {};
  const given = (values ?? {}) as Readonly<Record<string, unknown>>;
  return Object.keys(shape).filter((name) => {
    const value = given[name];
    return typeof value === 'string' && isNumber(shape[name] as z.ZodType) && !/^-?\d{1,16}$/.test(value);
  });
}

function isNumber(schema: z.ZodType): boolean {
  const { type, innerType } = schema.def as { type: string; innerType?: z.ZodType };
  return innerType === undefined ? type === 'number' : isNumber(innerType);
}
