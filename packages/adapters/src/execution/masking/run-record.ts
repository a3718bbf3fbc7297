/**
 * What a masking in progress keeps in the copy: the plan that it was begun with, and how far it is. Each step is written
 * down in the transaction of the step itself, so whoever goes on after a kill does nothing twice.
 */
import type { Digest } from '@headgate/domain';
import type { MaskingPlan } from '@headgate/domain/masking/plan';
import type pg from 'pg';
import { CHECKED_NUMBERS } from './checked-numbers.ts';
import { MADE_WORDS } from './made-words.ts';
import { PERMUTATIONS } from './permutations.ts';

/** The functions of masking, in the order in which one may call another. */
export const FUNCTIONS: readonly string[] = [...MADE_WORDS, ...PERMUTATIONS, ...CHECKED_NUMBERS];

export type Phase = 'collect' | 'mask' | 'keys' | 'scan';

export interface RunRecord {
  readonly rules: Digest;
  readonly keyCheck: string;
  readonly plan: MaskingPlan;
  readonly phase: Phase;
}

const TABLES = [
  'create table headgate_copy.run (one boolean primary key default true check (one), rules text not null, key_check text not null, plan jsonb not null, phase text not null)',
  'create table headgate_copy.done (n int4 not null, what text not null, rows int8 not null default 0, primary key (n, what))',
  'create table headgate_copy.batch (n int4 not null, what text not null, first int8 not null, rows int8 not null, primary key (n, what, first))',
  'create table headgate_copy.original (low int8 not null, high int8 not null, words int4 not null, first int8 not null)',
  'create table headgate_copy.originals (one boolean primary key default true check (one), ambiguous int8 not null)',
];

/** The masking that was begun here, if one was. */
export async function readRun(client: pg.Client): Promise<RunRecord | undefined> {
  const there = await client.query(`select to_regclass('headgate_copy.run') is not null as there`);
  if (there.rows[0]?.there !== true) return undefined;
  const { rows } = await client.query<{ rules: Digest; key_check: string; plan: MaskingPlan; phase: Phase }>(
    'select rules, key_check, plan, phase from headgate_copy.run',
  );
  const [row] = rows;
  return row && { rules: row.rules, keyCheck: row.key_check, plan: row.plan, phase: row.phase };
}

/** Installs the functions, and writes down what was begun. */
export async function beginRun(client: pg.Client, run: Omit<RunRecord, 'phase'>): Promise<RunRecord> {
  await inTransaction(client, async () => {
    for (const sql of [...FUNCTIONS, ...TABLES]) await client.query(sql);
    await client.query(`insert into headgate_copy.run (rules, key_check, plan, phase) values ($1, $2, $3, 'collect')`, [
      run.rules,
      run.keyCheck,
      JSON.stringify(run.plan),
    ]);
  });
  return { ...run, phase: 'collect' };
}

/** Leaves the mark in the schema, and what it is bound to. */
export async function endRun(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ drop: string }>(
    `select format('drop table headgate_copy.%I', c.relname) as drop from pg_class c
     where c.relnamespace = 'headgate_copy'::regnamespace and c.relkind = 'r' and c.relname not in ('mark', 'masked')
     union all
     select format('drop function %s', p.oid::regprocedure) from pg_proc p where p.pronamespace = 'headgate_copy'::regnamespace`,
  );
  for (const { drop } of rows) await client.query(drop);
}

export async function setPhase(client: pg.Client, phase: Phase): Promise<void> {
  await client.query('update headgate_copy.run set phase = $1', [phase]);
}

/** What is done, by the words that it was written down with, and its rows. */
export async function doneSteps(client: pg.Client): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ n: number; what: string; rows: string }>(
    'select n, what, rows from headgate_copy.done',
  );
  return new Map(rows.map(({ n, what, rows: count }) => [`${what} ${n}`, Number(count)]));
}

export async function isDone(client: pg.Client, n: number, what: string): Promise<boolean> {
  const { rowCount } = await client.query('select 1 from headgate_copy.done where n = $1 and what = $2', [n, what]);
  return rowCount !== 0;
}

/** Does a step and writes it down, both or neither. */
export async function stepOnce(
  client: pg.Client,
  n: number,
  what: string,
  work: () => Promise<number>,
): Promise<number> {
  return inTransaction(client, async () => {
    const rows = await work();
    await client.query('insert into headgate_copy.done (n, what, rows) values ($1, $2, $3)', [n, what, rows]);
    return rows;
  });
}

export async function inTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const done = await work();
    await client.query('commit');
    return done;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}
