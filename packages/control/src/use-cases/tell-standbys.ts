import type { Instant, Principal, Refusal, ToldStandby } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { type CellRecord, type DocumentRecord, environmentOf, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse } from './result.ts';

/** What an agent heard of the control plane's clock in an earlier answer: `at`, and `agoMs` after it had that it told. */
export interface HeardClock {
  readonly at: Instant;
  /** By its own monotonic clock. */
  readonly agoMs: number;
}

/**
 * An agent says what it saw of the standbys of a cell's stores. It is kept beside the log, dated by the control plane's clock,
 * in the place of what was told of the cell before. How long it was on its way nobody can say but by a clock that both know:
 * that was read before the agent `heard` of it, so what it tells is dated by that, and never later than it was seen.
 */
export async function tellStandbys(
  deps: Deps,
  agent: Principal,
  cell: string,
  told: readonly ToldStandby[],
  heard?: HeardClock,
): Promise<Result<{ readonly standbys: number; readonly at?: Instant }>> {
  const what = 'tell of standbys';
  const denied = await notItsCell(deps, agent, cell, what);
  if (denied !== undefined) return no(denied);
  const keys = new Set(told.map(({ store, name }) => `${store}/${name}`));
  if (keys.size < told.length)
    return refuse('malformed', what, 'body/standbys', 'one is told of twice', 'tell of each standby once');
  const notAfter = heard === undefined ? undefined : heard.at + heard.agoMs;
  const at = await deps.standbys?.tell(cell, agent.id, told, notAfter);
  return ok({ standbys: told.length, ...(at !== undefined && { at }) });
}

/** Why an agent may tell nothing of a cell; undefined: it may. */
export async function notItsCell(
  deps: Pick<Deps, 'store'>,
  agent: Principal,
  cell: string,
  what: string,
): Promise<Refusal | undefined> {
  const stream = streams.cell(cell);
  const denied = notPermitted(agent, 'carry-out', stream);
  if (denied !== undefined) return denied;
  const declaration = streams.document('Cell', cell);
  const rows = await deps.store.load([stream, declaration]);
  const record = rows.get(stream)?.state as CellRecord | undefined;
  const own = environmentOf(record, rows.get(declaration)?.state as DocumentRecord | undefined);
  // Of a cell that nobody declared or adopted: where the agent that looks at it says it is.
  const environment = own ?? record?.observed?.state.environment;
  if (environment === undefined)
    return {
      code: 'not-seen',
      what,
      where: stream,
      why: 'nobody declared it, and no agent has observed it',
      unblock: 'let its agent observe it first, which it does by itself',
    };
  if (!(agent.environments ?? []).includes(environment))
    return {
      code: 'not-yours',
      what,
      where: stream,
      why: `it is a cell of ${environment}, and agent ${agent.id} is enrolled for ${(agent.environments ?? []).join(', ')}`,
      unblock: 'enrol it for this environment',
    };
  return undefined;
}
