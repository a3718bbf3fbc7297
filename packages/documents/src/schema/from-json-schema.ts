/**
 * Gates describe their parameters in a small part of JSON Schema; here that becomes a schema whose complaints read like
 * those of the rest of the document. What isn't known is a mistake of the gate's author and throws.
 */
import { z } from 'zod';
import { expects, fields, flag, list, oneOf, text, whole } from './fields.ts';

interface Described {
  readonly type?: unknown;
  readonly enum?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly items?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
}

/** A schema for parameters that are described by an object schema with `additionalProperties: false`. */
export function parametersSchema(described: Readonly<Record<string, unknown>>): z.ZodType<Record<string, unknown>> {
  const { type, properties, required, additionalProperties } = described as Described;
  if (type !== 'object' || additionalProperties !== false) {
    throw new TypeError('parameters must be described as an object with additionalProperties: false');
  }
  const mandatory = new Set(required ?? []);
  const shape = Object.fromEntries(
    Object.entries(properties ?? {}).map(([key, value]) => {
      const schema = valueSchema(value as Described);
      return [key, mandatory.has(key) ? schema : schema.exactOptional()];
    }),
  );
  return fields(shape) as z.ZodType<Record<string, unknown>>;
}

function valueSchema(described: Described): z.ZodType {
  const { type, minimum, maximum } = described;
  if (Array.isArray(described.enum) && described.enum.every((word) => typeof word === 'string')) {
    return oneOf(...(described.enum as [string, ...string[]]));
  }
  switch (type) {
    case 'integer':
      return whole(
        typeof minimum === 'number' ? minimum : Number.MIN_SAFE_INTEGER,
        typeof maximum === 'number' ? maximum : undefined,
      );
    case 'number': {
      const from = typeof minimum === 'number' ? minimum : -Number.MAX_VALUE;
      const to = typeof maximum === 'number' ? maximum : Number.MAX_VALUE;
      const phrase = expects(`a number from ${from} to ${to}`);
      return z.number(phrase).min(from, phrase).max(to, phrase);
    }
    case 'string':
      return text(1_000);
    case 'boolean':
      return flag;
    case 'object':
      return parametersSchema(described as Readonly<Record<string, unknown>>);
    case 'array':
      return list(valueSchema((described.items ?? {}) as Described), 0, 1_000);
    default:
      throw new TypeError(`parameters of type ${String(type)} can't be described`);
  }
}
