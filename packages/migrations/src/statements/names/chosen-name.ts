/** The names that PostgreSQL chooses where a statement gives none: as its own makeObjectName and ChooseRelationName do. */
import type { IndexElem, Node } from 'libpg-query';
import type { NextNumbers } from '../../catalogue/next-numbers.ts';
import { as, opened, strings } from '../../parse/nodes.ts';

/** Longest identifier, in bytes. */
const MOST_BYTES = 63;

/** Within what a chosen name must be free, and who remembers the numbers that are taken. */
export interface Among {
  readonly numbers: NextNumbers;
  readonly scope: string;
  readonly isTaken: (name: string) => boolean;
}

/** `first_second_label`, the longer of the two cut as far as it must be; with a number where that is taken. */
export function chosenName(first: string, second: string | undefined, label: string, among: Among): string {
  const nameAt = (number: number): string => joined(first, second, number === 0 ? label : `${label}${number}`);
  return among.numbers.choose(among.scope, JSON.stringify([first, second, label]), nameAt, among.isTaken);
}

function joined(first: string, second: string | undefined, label: string): string {
  const room = MOST_BYTES - Buffer.byteLength(label) - 1 - (second === undefined ? 0 : 1);
  let [a, b] = [Buffer.byteLength(first), Buffer.byteLength(second ?? '')];
  while (a + b > room)
    if (a > b) a--;
    else b--;
  return [cut(first, a), ...(second === undefined ? [] : [cut(second, b)]), label].join('_');
}

/** So many bytes of it, and no half of a character. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes)).replace(/\uFFFD$/, '');
}

/** The columns of an index as its name tells them: an expression by its function, or as `expr`. */
export function indexColumnsName(params: readonly Node[]): string {
  const names = new Set<string>();
  const numbers = new Map<string, number>();
  for (const param of params.flatMap((node) => as(node, 'IndexElem') ?? [])) {
    const base = columnName(param);
    let name = base;
    let n = numbers.get(base) ?? 1;
    for (; names.has(name); n++) name = `${base}${n}`;
    numbers.set(base, n);
    names.add(name);
  }
  return [...names].join('_');
}

function columnName({ indexcolname, name, expr }: IndexElem): string {
  return indexcolname ?? name ?? (expr === undefined ? undefined : expressionName(expr)) ?? 'expr';
}

function expressionName(expression: Node): string | undefined {
  const [kind, content] = opened(expression);
  if (kind === 'FuncCall') return strings((content as { funcname?: Node[] }).funcname).at(-1);
  if (kind === 'ColumnRef') return strings((content as { fields?: Node[] }).fields).at(-1);
  if (kind === 'CoalesceExpr') return 'coalesce';
  if (kind === 'CollateClause') return inner((content as { arg?: Node }).arg);
  if (kind === 'TypeCast') {
    const { arg, typeName } = content as { arg?: Node; typeName?: { names?: Node[] } };
    return inner(arg) ?? strings(typeName?.names).at(-1);
  }
  return undefined;
}

function inner(expression: Node | undefined): string | undefined {
  return expression === undefined ? undefined : expressionName(expression);
}
