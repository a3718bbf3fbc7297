import type { Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row, StreamId, Write } from '../ports/store.ts';
import { type CellRecord, streams } from '../records.ts';
import { ok, type Result, refuse } from './result.ts';

/**
 * Cells that an agent may show before anybody declared or adopted them. Who sets up an environment sees what is there; who
 * makes cells up must not bury the real ones.
 */
export const MOST_UNDECLARED = 20;
const PAGE = 200;

/**
 * Where the row of a cell goes that an agent is the first to show, and nobody declared: below the agent, with the next of its
 * numbers, so that of two that come at the same moment one is counted first. Refused when too many wait to be declared.
 */
export async function placeOfUndeclared(
  deps: Pick<Deps, 'store'>,
  agent: Principal,
  cell: StreamId,
): Promise<Result<Pick<Write, 'parent' | 'exclusive'>>> {
  const parent = streams.principal(agent.id);
  let count = 0;
  let undeclared = 0;
  for (let after: StreamId | undefined; ; ) {
    const page = (await deps.store.list('cell', {
      parent,
      limit: PAGE,
      ...(after !== undefined && { after }),
    })) as readonly Row<CellRecord>[];
    const open = page.filter(({ state }) => state.desired === undefined);
    const declarations = open.map(({ stream }) => streams.document('Cell', stream.slice('cell/'.length)));
    undeclared += declarations.length - (await deps.store.load(declarations)).size;
    count += page.length;
    if (undeclared >= MOST_UNDECLARED)
      return refuse(
        'too-many-undeclared',
        'observe a cell',
        cell,
        `${agent.id} shows ${undeclared} cells that are neither declared nor adopted`,
        'declare this cell (kind Cell), or adopt the others',
      );
    after = page.at(-1)?.stream;
    if (page.length < PAGE) return ok({ parent, exclusive: `undeclared/${agent.id}/${count}` });
  }
}
