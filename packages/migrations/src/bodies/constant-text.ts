/** What SQL that is put together when it runs will be, as far as constants, quoting and format() tell. */
import type { Node } from 'libpg-query';
import { as, constant, quoted, strings } from '../parse/nodes.ts';

/** What is known of a text; `open`: something in or after it isn't. */
export interface Folded {
  readonly text: string;
  readonly open: boolean;
}

/** Works a text out; `undefined`: nothing of it is known. */
export function fold(node: Node | undefined): Folded | undefined {
  const value = constant(node);
  if (typeof value === 'string' || typeof value === 'number') return { text: String(value), open: false };
  const cast = as(node, 'TypeCast');
  if (cast !== undefined) return fold(cast.arg);
  const expr = as(node, 'A_Expr');
  if (expr !== undefined && strings(expr.name)[0] === '||') {
    const left = fold(expr.lexpr);
    if (left === undefined || left.open) return left;
    const right = fold(expr.rexpr);
    return right === undefined ? { ...left, open: true } : { text: left.text + right.text, open: right.open };
  }
  const called = as(node, 'FuncCall');
  return called === undefined
    ? undefined
    : foldCall(strings(called.funcname).at(-1) ?? '', (called.args ?? []).map(fold));
}

function foldCall(name: string, args: readonly (Folded | undefined)[]): Folded | undefined {
  const [first] = args;
  if (first === undefined || first.open) return undefined;
  if (name === 'quote_ident') return { text: quoted(first.text), open: false };
  if (name === 'quote_literal') return { text: literal(first.text), open: false };
  if (name !== 'format' && name !== 'concat') return undefined;
  const known = args.every((each) => each !== undefined && !each.open);
  if (name === 'concat')
    return known ? { text: args.map((each) => each?.text).join(''), open: false } : { ...first, open: true };
  let at = 1;
  let open = false;
  const text = first.text.replace(/%(%|[sIL])/g, (_, kind: string) => {
    if (kind === '%') return '%';
    const value = args[at++];
    if (value === undefined || value.open) {
      open = true;
      return '…';
    }
    if (kind === 'I') return quoted(value.text);
    return kind === 'L' ? literal(value.text) : value.text;
  });
  // A position or a width is more than is worked out here.
  return { text, open: open || /%[-\d]/.test(first.text) };
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
