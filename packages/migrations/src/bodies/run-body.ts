/**
 * What stands inside of DO blocks and functions. PL/pgSQL is read by its own parser; what it would run is run here, what is
 * put together at run time is worked out as far as constants reach, and said to be not known beyond that.
 */

import type { Node } from 'libpg-query';
import { typeRefFrom } from '../catalogue/type-name.ts';
import { as } from '../parse/nodes.ts';
import { parse, parseBody, parseOne } from '../parse/parser.ts';
import { statementsOf } from '../parse/statements.ts';
import { runQuery, runRulesOf } from '../statements/queries.ts';
import { bodyOf } from '../statements/routines.ts';
import type { Scene } from '../statements/scene.ts';
import { fold } from './constant-text.ts';

/** Parts of PL/pgSQL that may not be reached, or more than once. */
const CONDITIONAL =
  /^PLpgSQL_(stmt_(if|case|loop|while|fori|fors|forc|foreach_a|dynfors)|exception|if_elsif|case_when)$/;

/** What may pass over all that stands after it. */
const LEAVES = /^PLpgSQL_stmt_(return|exit)$/;

/** Runs a body. `definition` is the whole DO or CREATE FUNCTION; `body` what stands between its quotes. */
export function runBody(language: string, definition: string, body: string | undefined, scene: Scene): void {
  if (language === 'plpgsql') runPlpgsql(definition, scene);
  else if (language === 'sql') runSql(definition, body, scene);
  else scene.does.notKnown(`what code in ${language} does isn’t known`);
}

function runSql(definition: string, body: string | undefined, scene: Scene): void {
  const made = as(parseOne(definition), 'CreateFunctionStmt');
  const nodes = atomicStatements(made?.sql_body);
  if (nodes !== undefined) {
    for (const node of nodes) scene.run(node, definition, true);
    return;
  }
  const text = body ?? bodyOf(made?.options);
  if (text === undefined) scene.does.notKnown('the body of a function in SQL can’t be found');
  for (const { node, text: sql, error } of statementsOf(text ?? '')) {
    if (node === undefined) scene.does.notKnown(`the body of a function doesn’t parse: ${error?.why ?? ''}`);
    else scene.run(node, sql, true);
  }
}

function atomicStatements(body: Node | undefined): readonly Node[] | undefined {
  if (body === undefined) return undefined;
  const list = as(body, 'List');
  if (list !== undefined) return (list.items ?? []).flatMap((item) => atomicStatements(item) ?? []);
  const value = as(body, 'ReturnStmt');
  if (value === undefined) return [body];
  // RETURN answers as a query of that one expression does.
  return value.returnval === undefined
    ? []
    : [{ SelectStmt: { targetList: [{ ResTarget: { val: value.returnval } }] } }];
}

function runPlpgsql(definition: string, scene: Scene): void {
  const tree = parseBody(definition);
  if (tree === undefined) scene.does.notKnown('a body in PL/pgSQL doesn’t parse');
  const { mayHaveLeft } = scene.session;
  visit(tree, false, scene);
  scene.session.mayHaveLeft = mayHaveLeft;
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
    const fields = content as Record<string, Expression | undefined>;
    // What a handler catches is as if it had not been reached.
    const caught = key === 'PLpgSQL_stmt_block' && fields?.exceptions !== undefined;
    const below = conditional || caught || CONDITIONAL.test(key);
    if (key === 'PLpgSQL_type') runRulesOf(typeRefFrom((content as { typname?: string }).typname ?? ''), scene);
    if (LEAVES.test(key)) scene.session.mayHaveLeft = true;
    if (key === 'PLpgSQL_stmt_execsql') runText(queryOf(fields.sqlstmt), below, scene);
    else if (key === 'PLpgSQL_stmt_dynexecute') {
      visit((content as { params?: unknown }).params, below, scene);
      runDynamic(queryOf(fields.query), below, scene);
    } else if (key === 'PLpgSQL_stmt_call') runText(queryOf(fields.expr), below, scene);
    else if (key === 'PLpgSQL_stmt_perform') runText(queryOf(fields.expr), below, scene);
    else if (key === 'PLpgSQL_stmt_commit' || key === 'PLpgSQL_stmt_rollback')
      scene.run(
        { TransactionStmt: { kind: key.endsWith('commit') ? 'TRANS_STMT_COMMIT' : 'TRANS_STMT_ROLLBACK' } },
        '',
      );
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
  // What is assigned to is worked out as well: the place in a list may be what a function answers.
  const assigned = `select ${text.replace(/^([^:=]*):=/, '$1, ')}`;
  for (const sql of [text, `select ${text}`, assigned, `select ${text.replace(/^[^:=]*:?=/, '')}`]) {
    const parsed = parse(sql);
    const node = parsed.ok ? parsed.statements[0]?.node : undefined;
    if (node === undefined) continue;
    const select = as(node, 'SelectStmt');
    if (select === undefined) scene.run(node, sql, true);
    else runQuery(select, scene);
    return;
  }
  if (text.trim() !== '') scene.does.notKnown(`an expression in a body doesn’t parse: ${excerpt(text)}`);
}

/** EXECUTE: the text is worked out from constants, format() and quoting; anything else is only known when it runs. */
function runDynamic(expression: string, conditional: boolean, scene: Scene): void {
  const select = as(parseOne(`select ${expression}`), 'SelectStmt');
  const folded = fold(as(select?.targetList?.[0], 'ResTarget')?.val);
  if (folded === undefined || folded.open) {
    const begins = folded === undefined || folded.text === '' ? excerpt(expression) : `${excerpt(folded.text)} …`;
    scene.does.notKnown(`SQL that is put together when it runs: ${begins}`);
    return;
  }
  for (const { node, text, error } of statementsOf(folded.text)) {
    if (node === undefined) scene.does.notKnown(`what EXECUTE runs doesn’t parse: ${error?.why ?? ''}`);
    else scene.run(node, text, conditional);
  }
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}
