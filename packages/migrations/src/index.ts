/**
 * What a SQL migration will do to a database that is in use, said before it runs.
 *
 * - `parse/`: PostgreSQL's own grammar over a file. One bad statement hides none of the others.
 * - `catalogue/`: the schema as a fact, and the working schema: what it is after each statement.
 * - `statements/`: one file a family of statements; `catalog.ts` lists them. A family writes down effects: locks, work that
 *   grows with a table, what breaks, what is gone, what can't be known. It judges nothing.
 * - `bodies/`: DO blocks and functions, whose statements are read like those of a file.
 * - `alone/`: what Headgate runs outside of a transaction, one statement a file.
 * - `effects/`: those effects as data. `expressions/` and `types/` answer what several families ask.
 * - `judge/`: effects and sizes become findings. The same scan is nothing on a hundred rows and an outage on two hundred
 *   million, so durations are estimated, as ranges, and `judge/rates.ts` says what they stand on.
 * - `made/`: what files leave behind for sure, for who has to know whether they ever ran.
 * - `sarif/`: the findings for other people's tools, and squawk's beside ours.
 *
 * Three rules hold throughout. What isn't known is an error and never taken for safe: a statement of a kind that nobody
 * listed, SQL that is put together when it runs, a table that the catalogue doesn't have. The state of the file counts: what
 * it made itself is empty and used by nobody, what it locked it holds. And the lock modes here are those that a server was
 * seen to take: the oracle's test runs a thousand statements on a real one and compares.
 *
 * Pure over facts: text and catalogue in, findings out. Reading a database is the adapters' work.
 */
export * from './alone/alone-statement.ts';
export * from './analyse.ts';
export type * from './catalogue/catalogue.ts';
export { MOST_RELATIONS, readCatalogue } from './catalogue/read-catalogue.ts';
export type * from './effects/effects.ts';
export * from './effects/lock-modes.ts';
export type * from './judge/finding.ts';
export { STALL_MS } from './judge/judge.ts';
export * from './judge/rates.ts';
export * from './judge/rules.ts';
export * from './made/what-files-make.ts';
export { saysNoTransaction } from './parse/directives.ts';
export { loadParser } from './parse/parser.ts';
export * from './sarif/sarif.ts';
export * from './sarif/squawk.ts';
