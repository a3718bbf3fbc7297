import {
  type Condition,
  type Expression,
  type InputName,
  type Literal,
  parseExpression,
  parseTemplate,
} from '@headgate/documents/kinds/expressions';

/** What a step was answered, whatever it was asked by. */
export interface StepAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body as plain data; `undefined` when it is none. */
  body(): unknown;
  /** Of XML-RPC: the fault that was answered in place of a value. */
  readonly fault?: unknown;
  /** The operation that the cell's router refused, in place of the application. */
  readonly closed?: string;
  /** Why it can't be a success whatever the criteria say. */
  readonly wrong?: string;
}

/** What expressions can name at some point of a workflow. */
export interface Known {
  readonly inputs: Readonly<Record<InputName, string>>;
  readonly outputs: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  readonly answer?: StepAnswer;
  /** The tenant's token: there only while the parameters of XML-RPC are filled in. */
  readonly token?: string | undefined;
}

/** The value that an expression names; `undefined` when there is none. */
export function namedValue(expression: Expression, known: Known): unknown {
  switch (expression.kind) {
    case 'status':
      return known.answer?.status;
    case 'header':
      return known.answer?.headers[expression.name];
    case 'body':
      return pointed(known.answer?.body(), expression.pointer);
    case 'fault':
      return pointed(known.answer?.fault, expression.pointer);
    case 'token':
      return known.token;
    case 'input':
      return known.inputs[expression.name];
    case 'output':
      return known.outputs.get(expression.step)?.get(expression.name);
  }
}

/** Whether a condition holds. What is missing makes every comparison false, `!=` too: no data is never a pass. */
export function holds(condition: Condition, known: Known): boolean {
  const left = namedValue(condition.left, known);
  const right = 'literal' in condition.right ? condition.right.literal : namedValue(condition.right.expression, known);
  if (left === undefined || right === undefined) return false;
  switch (condition.operator) {
    case '==':
      return isLiteral(left) && left === right;
    case '!=':
      return isLiteral(left) && isLiteral(right) && left !== right;
    default:
      return typeof left === 'number' && typeof right === 'number' && ordered(left, condition.operator, right);
  }
}

function ordered(left: number, operator: '<' | '<=' | '>' | '>=', right: number): boolean {
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  if (operator === '>') return left > right;
  return left >= right;
}

/** Fills a template's expressions in, each through `encode`. Throws when one has no plain value. */
export function fill(text: string, known: Known, encode: (value: string) => string = (value) => value): string {
  const template = parseTemplate(text);
  if (!template) throw new Error(`"${text.slice(0, 80)}" isn't a template`);
  return template.map((part) => (typeof part === 'string' ? part : encode(plain(part, known)))).join('');
}

/** Fills in a JSON value: a text that is one expression becomes its value, other texts are templates. */
export function fillJson(value: unknown, known: Known): unknown {
  if (typeof value === 'string') {
    const expression = value.startsWith('$') ? parseExpression(value) : undefined;
    return expression ? namedValue(expression, known) : fill(value, known);
  }
  if (Array.isArray(value)) return value.map((item) => fillJson(item, known));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillJson(item, known)]));
  }
  return value;
}

function plain(expression: Expression, known: Known): string {
  const value = namedValue(expression, known);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error('an expression in braces has no plain value here');
}

/** RFC 6901. `undefined` where nothing is. */
export function pointed(json: unknown, pointer: string): unknown {
  let at = json;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

function isLiteral(value: unknown): value is Literal {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/**
 * A found value for a message that may reach the log: numbers, truth values and short words as they are; of any other
 * text only that it is one, since it may be a customer's.
 */
export function discreet(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return /^[A-Za-z0-9_.-]{1,32}$/.test(value) ? `'${value}'` : 'another text';
  return Array.isArray(value) ? 'a list' : 'an object';
}
