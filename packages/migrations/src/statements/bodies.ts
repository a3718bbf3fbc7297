/**
 * What stands inside of DO blocks and functions. PL/pgSQL is read by its own parser; what it would run is run here, what is
 * put together at run time is worked out as far as constants reach, and said to be not known beyond that.
 */
import type { Node } from 'libpg-query';
import { as, constant, quoted, strings } from '../parse/nodes.ts';
import { parse, parseBody, parseOne } from '../parse/parser.ts';
import { statementsOf } from '../parse/statements.ts';
import { callsIn, readsOf } from './queries.ts';
import { bodyOf } from './routines.ts';
import type { Scene } from './scene.ts';

/** Parts of PL/pgSQL that may not be reached, or more than once. */
const CONDITIONAL = /^PLpgSQL_(stmt_(if|case|loop|while|fori|fors|forc|foreach_a|dynfors)|exception|if_elsif|case_when)$/;

/** Runs a body. `definition` is the whole DO or CREATE FUNCTION; `body` what stands between its quotes. */
export function runBody(language: string, definition: string, body: string | undefined, scene: Scene): void {
  if (language === 'plpgsql') return runPlpgsql(definition, scene);
  if (language === 'sql') return runSql(definition, body, scene);
  scene.does.notKnown(`what code in ${language} does isn’t known`);
}

function runSql(definition: string, body: string | undefined, scene: Scene): void {
  const made = as(parseOne(definition), 'CreateFunctionStmt');
  const nodes = atomicStatements(made?.sql_body);
  if (nodes !== undefined) {
    for (const node of nodes) scene.run(node, definition, true);
    return;
  }
  const text = body ?? bodyOf(made?.options);
  if (text === undefined) return scene.does.notKnown('the body of a function in SQL can’t be found');
  for (const { node, text: sql, error } of statementsOf(text)) {
    if (node === undefined) scene.does.notKnown(`the body of a function doesn’t parse: ${error?.why ?? ''}`);
    else scene.run(node, sql, true);
  }
}

function atomicStatements(body: Node | undefined): readonly Node[] | undefined {
  if (body === undefined) return undefined;
  const list = as(body, 'List');
  if (list !== undefined) return (list.items ?? []).flatMap((item) => atomicStatements(item) ?? []);
  const value = as(body, 'ReturnStmt');
  return value === undefined ? [body] : [];
}

function runPlpgsql(definition: string, scene: Scene): void {
  const tree = parseBody(definition);
  if (tree === undefined) return scene.does.notKnown('a body in PL/pgSQL doesn’t parse');
  visit(tree, false, scene);
}

interface Expression {
  readonly PLpgSQL_expr?: { readonly query?: string };
}

function visit(value: unknown, conditional: boolean, scene: Scene): void {
  if (Array.isArray(value)) {
    for (const each of value) visit(each, conditional, scene);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, content] of Object.entries(value as Record<string, unknown>)) {
    const below = conditional || CONDITIONAL.test(key);
    const fields = content as Record<string, Expression | undefined>;
    if (key === 'PLpgSQL_stmt_execsql') runText(queryOf(fields.sqlstmt), below, scene);
    else if (key === 'PLpgSQL_stmt_dynexecute') runDynamic(queryOf(fields.query), below, scene);
    else if (key === 'PLpgSQL_stmt_call') runText(queryOf(fields.expr), below, scene);
    else if (key === 'PLpgSQL_expr') runExpression((content as { query?: string }).query ?? '', scene);
    else {
      if (fields?.dynquery !== undefined) runDynamic(queryOf(fields.dynquery), below, scene);
      if (key === 'PLpgSQL_stmt_dynfors') runDynamic(queryOf(fields.query), below, scene);
      visit(content, below, scene);
    }
  }
}

function queryOf(expression: Expression | undefined): string {
  return expression?.PLpgSQL_expr?.query ?? '';
}

function runText(sql: string, conditional: boolean, scene: Scene): void {
  const node = parseOne(sql);
  if (node === undefined) scene.does.notKnown(`a statement in a body doesn’t parse: ${excerpt(sql)}`);
  else scene.run(node, sql, conditional);
}

/** An expression: what it reads and calls. An assignment is `target := expression`, PERFORM and loops are whole queries. */
function runExpression(text: string, scene: Scene): void {
  for (const sql of [text, `select ${text}`, `select ${text.replace(/^[^:=]*:?=/, '')}`]) {
    const parsed = parse(sql);
    const node = parsed.ok ? parsed.statements[0]?.node : undefined;
    if (node === undefined) continue;
    const select = as(node, 'SelectStmt');
    if (select === undefined) return scene.run(node, sql, true);
    readsOf(select, scene);
    return callsIn(select, scene);
  }
  if (text.trim() !== '') scene.does.notKnown(`an expression in a body doesn’t parse: ${excerpt(text)}`);
}

/** EXECUTE: the text is worked out from constants, format() and quoting; anything else is only known when it runs. */
function runDynamic(expression: string, conditional: boolean, scene: Scene): void {
  const select = as(parseOne(`select ${expression}`), 'SelectStmt');
  const folded = fold(as(select?.targetList?.[0], 'ResTarget')?.val);
  if (folded === undefined || folded.open) {
    const begins = folded === undefined || folded.text === '' ? excerpt(expression) : `${excerpt(folded.text)} …`;
    return scene.does.notKnown(`SQL that is put together when it runs: ${begins}`);
  }
  for (const { node, text, error } of statementsOf(folded.text)) {
    if (node === undefined) scene.does.notKnown(`what EXECUTE runs doesn’t parse: ${error?.why ?? ''}`);
    else scene.run(node, text, conditional);
  }
}

/** What is known of a text; `open`: something in or after it isn't. */
interface Folded {
  readonly text: string;
  readonly open: boolean;
}

function fold(node: Node | undefined): Folded | undefined {
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
  return called === undefined ? undefined : foldCall(strings(called.funcname).at(-1) ?? '', (called.args ?? []).map(fold));
}

function foldCall(name: string, args: readonly (Folded | undefined)[]): Folded | undefined {
  const [first] = args;
  if (first === undefined || first.open) return undefined;
  if (name === 'quote_ident') return { text: quoted(first.text), open: false };
  if (name === 'quote_literal') return { text: literal(first.text), open: false };
  if (name !== 'format' && name !== 'concat') return undefined;
  const known = args.every((each) => each !== undefined && !each.open);
  if (name === 'concat') return known ? { text: args.map((each) => each?.text).join(''), open: false } : { ...first, open: true };
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

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}
