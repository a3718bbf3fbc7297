import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  analyse,
  type Catalogue,
  loadParser,
  type MigrationFile,
  type Report,
  type SarifLog,
  sarifOf,
} from '@headgate/migrations';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { type CatalogueOptions, findCatalogue } from './find-catalogue.ts';
import { readMigrations } from './read-files.ts';
import { reportText } from './report-text.ts';
import { secondOpinion } from './second-opinion.ts';

export interface AnalysisOptions extends CatalogueOptions {
  /** File to write SARIF to. */
  readonly sarif?: string;
  /** A program, or `true` for the installed one. */
  readonly squawk?: string | true;
  /** Who runs the files: decides about transactions, waiting for locks, and comments that say where the way back begins. */
  readonly runner: 'headgate' | 'psql' | 'tool';
  /** Milliseconds that others may wait. */
  readonly stallMs: number;
}

/** Analyses files and answers with the exit code: refused when anything is dangerous. */
export async function runAnalysis(
  paths: readonly string[],
  options: AnalysisOptions,
  { out, env, cwd }: Pick<Session, 'out' | 'env' | 'cwd'>,
): Promise<number> {
  const files = await readMigrations(paths, cwd);
  const catalogue = await findCatalogue(options, { env, cwd });
  const { report } = await analysed(files, catalogue, options, { out, cwd }, cwd);
  return report.dangerous ? EXIT.refused : EXIT.ok;
}

/** What was found, and how squawk sees it. */
export interface Analysed {
  readonly report: Report;
  readonly sarif: SarifLog;
}

/** Analyses files that were read, tells the findings and writes them. `folder`: where the files stand under their names. */
export async function analysed(
  files: readonly MigrationFile[],
  catalogue: Catalogue | undefined,
  options: AnalysisOptions,
  { out, cwd }: Pick<Session, 'out' | 'cwd'>,
  folder: string,
): Promise<Analysed> {
  await loadParser();
  const { runner } = options;
  const { stallMs } = options;
  const report = analyse(files, {
    catalogue,
    stallMs,
    transaction: runner === 'psql' ? 'statement' : 'file',
    lockTimeout: runner === 'headgate',
    directives: runner === 'tool',
  });
  const names = files.map(({ name }) => name);
  const second = options.squawk === undefined ? undefined : await secondOpinion(names, options.squawk, folder, cwd);
  const sarif = sarifOf(report, second === undefined ? [] : [second]);
  if (options.sarif !== undefined) {
    await writeFile(resolve(cwd, options.sarif), `${JSON.stringify(sarif, null, 2)}\n`);
  }
  const knows = options.databaseEnv !== undefined ? 'database' : catalogue !== undefined ? 'catalogue' : 'files';
  out.answer({ ...report, ...(second === undefined ? {} : { second }) }, reportText(report, knows, second));
  return { report, sarif };
}
