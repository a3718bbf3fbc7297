import type { Principal, ToldStandby } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { type CellRecord, type DocumentRecord, environmentOf, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse } from './result.ts';

/**
 * An agent says what it saw of the standbys of a cell's stores. It is kept beside the log, dated by the control plane's clock,
 * in the place of what was told of the cell before.
 */
export async function tellStandbys(
  deps: Deps,
  agent: Principal,
  cell: string,
  told: readonly ToldStandby[],
): Promise<Result<{ readonly standbys: number }>> {
  const what = 'tell of standbys';
  const stream = streams.cell(cell);
  const denied = notPermitted(agent, 'carry-out', stream);
  if (denied !== undefined) return no(denied);
  const declaration = streams.document('Cell', cell);
  const rows = await deps.store.load([stream, declaration]);
  const record = rows.get(stream)?.state as CellRecord | undefined;
  const own = environmentOf(record, rows.get(declaration)?.state as DocumentRecord | undefined);
  // Of a cell that nobody declared or adopted: where the agent that looks at it says it is.
  const environment = own ?? record?.observed?.state.environment;
  if (environment === undefined)
    return refuse(
      'not-seen',
      what,
      stream,
      'nobody declared it, and no agent has observed it',
      'let its agent observe it first, which it does by itself',
    );
  if (!(agent.environments ?? []).includes(environment))
    return refuse(
      'not-yours',
      what,
      stream,
      `it is a cell of ${environment}, and agent ${agent.id} is enrolled for ${(agent.environments ?? []).join(', ')}`,
      'enrol it for this environment',
    );
  const keys = new Set(told.map(({ store, name }) => `${store}/${name}`));
  if (keys.size < told.length)
    return refuse('malformed', what, 'body/standbys', 'one is told of twice', 'tell of each standby once');
  await deps.standbys?.tell(cell, agent.id, told);
  return ok({ standbys: told.length });
}
