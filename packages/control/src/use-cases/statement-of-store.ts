/** What is asked of every signed statement about a store, whoever brings it: whose it is, and that it isn't dated ahead. */
import type { Digest, Instant, Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { type CellRecord, type DocumentRecord, environmentOf, streams } from '../records.ts';
import { notFound, type Result, refuse } from './result.ts';

/** How far the clock of the machine that made it may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

/** The statement, and how it is spoken of. `again`: what is done once what is wrong was mended. */
export interface StatementOfStore {
  readonly what: string;
  readonly where: string;
  readonly environment: string;
  readonly cell: string;
  readonly at: Instant;
  readonly again: string;
}

/** An agent speaks for the environments that it is enrolled for, and for no other. */
export function notEnrolledFor(
  principal: Principal,
  { what, where, environment }: StatementOfStore,
): Result<never> | undefined {
  const enrolled = principal.environments ?? [];
  if (!principal.roles.includes('agent') || enrolled.includes(environment)) return undefined;
  const why = `agent ${principal.id} is enrolled for ${enrolled.join(', ') || 'no environment'}`;
  return refuse('not-yours', what, where, why, 'enrol it for this environment');
}

/** What the cell's rows say of whose it is. */
export function cellStreams({ cell }: Pick<StatementOfStore, 'cell'>): readonly [string, string] {
  return [streams.cell(cell), streams.document('Cell', cell)];
}

/** Why a statement isn't taken up as things stand: its cell is nobody's or another environment's, or it is dated ahead. */
export async function notTakenUp(
  store: Deps['store'],
  rows: ReadonlyMap<string, Row<unknown>>,
  statement: StatementOfStore,
): Promise<Result<never> | undefined> {
  const { what, where, environment, cell, at, again } = statement;
  const [observed, declared] = cellStreams(statement);
  const own = environmentOf(
    rows.get(observed)?.state as CellRecord | undefined,
    rows.get(declared)?.state as DocumentRecord | undefined,
  );
  if (own === undefined) return notFound(what, observed);
  if (own !== environment) {
    const why = `${cell} is a cell of ${own}, the statement says ${environment}`;
    return refuse('not-yours', what, where, why, `correct agent.yaml, or the Cell document, and ${again}`);
  }
  // One that is dated ahead would stand before every later one until its day comes.
  if (at > (await store.now()) + CLOCK_STEP_MS)
    return refuse('ahead-of-now', what, where, 'it is dated ahead of now', `set the clocks right, and ${again}`);
  return undefined;
}

/** Whether two statements by one key say the same of the same moment: one that was signed again. */
export function saySame<T extends { readonly evidence: Digest }>(
  { digestOf }: Pick<Deps, 'digestOf'>,
  a: T,
  b: T,
): boolean {
  const content = ({ evidence: _, ...said }: T) => digestOf(said);
  return content(a) === content(b);
}
