/**
 * The small language of verifications and reconciliations, after Arazzo's runtime expressions: names of what is known,
 * and comparisons of them. Parsed here, once, so that a mistyped expression is named before anything runs; nothing is
 * ever evaluated as code.
 */

/** A name of something that is known when it is asked. */
export type Expression =
  | { readonly kind: 'status' }
  /** The response's body: the whole of it, or what an RFC 6901 pointer names in its JSON. */
  | { readonly kind: 'body'; readonly pointer: string }
  /** Of an XML-RPC answer that is a fault: the whole of it, or what a pointer names in it. It has no body then. */
  | { readonly kind: 'fault'; readonly pointer: string }
  | { readonly kind: 'header'; readonly name: string }
  /** The tenant's token. Only as a parameter of XML-RPC, which carries it there; a verification refuses it elsewhere. */
  | { readonly kind: 'token' }
  | { readonly kind: 'input'; readonly name: InputName }
  | { readonly kind: 'output'; readonly step: string; readonly name: string };

/**
 * What a verification is given: whose transaction it is, the name of the tenant's database where it has one of its own
 * (else the tenant's), which slot must answer, and a text that is unique to this run.
 */
export const INPUT_NAMES = ['tenant', 'database', 'slot', 'run'] as const;
export type InputName = (typeof INPUT_NAMES)[number];

export type Literal = string | number | boolean | null;

export const OPERATORS = ['==', '!=', '<=', '>=', '<', '>'] as const;
export type Operator = (typeof OPERATORS)[number];

/** `$statusCode == 201`. Numbers compare as numbers; `<` and its kin are false for anything else. */
export interface Condition {
  readonly left: Expression;
  readonly operator: Operator;
  readonly right: { readonly literal: Literal } | { readonly expression: Expression };
}

/** A text with expressions in braces: `/invoices/{$steps.create.outputs.id}`. */
export type Template = readonly (string | Expression)[];

/** Parses an expression; undefined when it is none. */
export function parseExpression(text: string): Expression | undefined {
  if (text === '$statusCode') return { kind: 'status' };
  if (text === '$response.body') return { kind: 'body', pointer: '' };
  if (text === '$response.fault') return { kind: 'fault', pointer: '' };
  if (text === '$inputs.token') return { kind: 'token' };
  const answered = /^\$response\.(body|fault)#((?:\/(?:[^~\s{}]|~[01])*)*)$/.exec(text);
  if (answered !== null) return { kind: answered[1] as 'body' | 'fault', pointer: answered[2]! };
  const header = /^\$response\.header\.([A-Za-z0-9-]{1,100})$/.exec(text);
  if (header !== null) return { kind: 'header', name: header[1]!.toLowerCase() };
  const input = INPUT_NAMES.find((name) => text === `$inputs.${name}`);
  if (input !== undefined) return { kind: 'input', name: input };
  const output = /^\$steps\.([a-zA-Z0-9_-]{1,63})\.outputs\.([a-zA-Z0-9_-]{1,63})$/.exec(text);
  if (output !== null) return { kind: 'output', step: output[1]!, name: output[2]! };
  return undefined;
}

/** Parses one comparison; undefined when it is none. Literals: numbers, 'quoted' texts, true, false, null. */
export function parseCondition(text: string): Condition | undefined {
  const match = /^\s*(\S+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*$/.exec(text);
  if (match === null) return undefined;
  const left = parseExpression(match[1]!);
  if (left === undefined) return undefined;
  const operator = match[2] as Operator;
  const right = match[3]!;
  const expression = parseExpression(right);
  if (expression !== undefined) return { left, operator, right: { expression } };
  const literal = parseLiteral(right);
  return literal === undefined ? undefined : { left, operator, right: { literal } };
}

/** Parses a text with expressions in braces; undefined when something in braces is no expression. `{` alone is text. */
export function parseTemplate(text: string): Template | undefined {
  const parts: (string | Expression)[] = [];
  let rest = 0;
  for (const match of text.matchAll(/\{(\$[^{}]*)\}/g)) {
    const expression = parseExpression(match[1]!);
    if (expression === undefined) return undefined;
    if (match.index > rest) parts.push(text.slice(rest, match.index));
    parts.push(expression);
    rest = match.index + match[0].length;
  }
  if (rest < text.length) parts.push(text.slice(rest));
  // An opened brace with an expression's mark that never closed is a slip, not a text.
  return parts.some((part) => typeof part === 'string' && part.includes('{$')) ? undefined : parts;
}

function parseLiteral(text: string): Literal | undefined {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return null;
  if (/^-?(0|[1-9]\d{0,15})(\.\d{1,10})?$/.test(text)) return Number(text);
  const quoted = /^'((?:[^']|'')*)'$/.exec(text);
  return quoted === null ? undefined : quoted[1]!.replaceAll("''", "'");
}
