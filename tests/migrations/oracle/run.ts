import type { PostgresMajor } from '@headgate/adapters/postgres-cluster/index';
import { type OracleDatabase, openDatabase } from './database.ts';
import { Dice } from './dice.ts';
import { moreCasesOf } from './more-statements.ts';
import { type Case, casesOf, sequencesOf } from './statements.ts';
import { SIZES, type TestTable, tableOf } from './tables.ts';
import { type Truth, traceCase } from './trace.ts';

/** A case and what the server did. */
export interface Traced {
  readonly each: Case;
  readonly truth: Truth;
}

export interface Run {
  readonly traced: readonly Traced[];
  /** Statements that the server refused, by family. */
  readonly refused: ReadonlyMap<string, number>;
}

export function tablesOf(count: number, dice: Dice): readonly TestTable[] {
  return Array.from({ length: count }, (_, i) => tableOf(i, SIZES[Math.floor((i * SIZES.length) / count)] ?? 0, dice));
}

/** Opens a database with tables of all kinds, and the cases to be tried on them. */
export async function prepare(major: PostgresMajor, seed: number, tables: number, cases: number, sequences: number) {
  const dice = new Dice(seed);
  const made = tablesOf(tables, dice);
  const database = await openDatabase(major, made);
  return {
    database,
    cases: [...casesOf(made, cases, dice), ...moreCasesOf(made, Math.ceil(cases / 6), new Dice(seed + 1))],
    sequences: sequencesOf(made, sequences, dice),
  };
}

/** Has the server carry out every case, and writes down what it did. */
export async function traceAll(database: OracleDatabase, cases: readonly Case[]): Promise<Run> {
  const traced: Traced[] = [];
  const refused = new Map<string, number>();
  for (const each of cases) {
    const truth = await traceCase(database.client, database.pid, each, database.base);
    if (typeof truth === 'string') refused.set(each.family, (refused.get(each.family) ?? 0) + 1);
    else traced.push({ each, truth });
  }
  return { traced, refused };
}
