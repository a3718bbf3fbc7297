/** What a person declares of one column: which masker, and how. */
import type { Refusal } from '../model/refusal.ts';

export type Mask =
  | { readonly mask: 'person-name'; readonly part: 'full' | 'first' | 'last' }
  | { readonly mask: 'email'; readonly domain: string }
  | { readonly mask: 'phone'; readonly keep: number }
  | { readonly mask: 'code'; readonly keep: number }
  | { readonly mask: 'address' }
  | { readonly mask: 'iban' }
  | { readonly mask: 'card' }
  | { readonly mask: 'tax-id' }
  | { readonly mask: 'number' }
  | { readonly mask: 'uuid' }
  | { readonly mask: 'ip' }
  | { readonly mask: 'date'; readonly by: string; readonly days: number }
  | {
      readonly mask: 'amount';
      /** The most by which a value changes, in percent of it. */
      readonly percent: number;
      /** Places behind the point that are kept. */
      readonly decimals: number;
      /** Columns; the total of each group of rows that agree in them stays what it is. */
      readonly keepTotalBy?: readonly string[];
    }
  | { readonly mask: 'text'; readonly with: string }
  | { readonly mask: 'json'; readonly fields: readonly JsonField[] };

/** A field of JSON, wherever in the value it stands, and what becomes of the texts and numbers in it, in lists and objects as well. */
export interface JsonField {
  readonly field: string;
  readonly as: JsonMask;
}

export const JSON_MASKS = ['person-name', 'email', 'phone', 'address', 'iban', 'code', 'text'] as const;
export type JsonMask = (typeof JSON_MASKS)[number];

export type MaskerName = Mask['mask'];

export type MaskingRule = Mask & {
  /** `schema.table`, a table of the schema `public`, or `*.table`: of every schema that has it. */
  readonly table: string;
  readonly column: string;
};

/** A place that the leak scan passes over, and why that is right. */
export interface ExpectedFind {
  readonly table: string;
  readonly column: string;
  readonly because: string;
}

/** A rule that can't hold, told with its place among the rules. */
export interface RuleRefusal extends Refusal {
  /** Index of the rule. */
  readonly rule: number;
  readonly field: string;
}

/** Whether a table as people write it is that one, `schema.table`. */
export function meansTable(written: string, table: string): boolean {
  return written.startsWith('*.') ? table.endsWith(written.slice(1)) : fullName(written) === table;
}

/** `schema.table` of a table as people write it. */
export function fullName(table: string): string {
  return table.includes('.') ? table : `public.${table}`;
}
