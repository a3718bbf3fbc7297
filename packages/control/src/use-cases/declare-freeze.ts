import { type Freeze, freezeEndText, type Instant, type Principal, type Promotion } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { missingScope } from '../freeze-scopes.ts';
import type { Row, StreamId } from '../ports/store.ts';
import { FREEZE_ALL, type FreezeRecord, frozenApplication, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/** Freezes that one scope holds at a time: every tick reads them. */
const MOST_FREEZES = 100;
/** Other scopes that are looked through for a name that is taken. */
const MOST_SCOPES = 1_000;
/** Promotions that look again at once when a freeze is lifted; what lies behind them looks within a minute by itself. */
const MOST_WOKEN = 200;

/** A freeze as somebody asks for it; without a name it gets one of its time. */
export type AskedFreeze = Omit<Freeze, 'name' | 'by'> & { readonly name?: string };

/**
 * Declares a freeze for an environment, for an application (`application:<name>`), or for everything (`all`). Forward steps
 * stop at once; undo never does. A scope that isn't there is refused: a freeze of a misspelt environment would stop
 * nothing, and look as if it did; so is one that is over already, or that ends before it begins. Under the name of one that holds now only what holds now and as long takes its place: to end
 * it is to lift it, which says why on the log.
 */
export async function declareFreeze(
  deps: Deps,
  principal: Principal,
  scope: string,
  asked: AskedFreeze,
): Promise<Result<Freeze>> {
  const what = 'declare a freeze';
  const stream = streams.freeze(scope);
  const denied = notPermitted(principal, 'freeze', stream);
  if (denied !== undefined) return no(denied);
  const missing = await missingScope(deps.store, scope);
  if (missing !== undefined) return refuse('missing-document', what, missing.document, missing.why, missing.unblock);
  return untilFresh(what, stream, async () => {
    const now = await deps.store.now();
    const row = await rowOf(deps, stream);
    const lasting = (row?.state.freezes ?? []).filter((f) => f.to > now);
    const name = asked.name ?? nameOf(now, await takenNames(deps, now, lasting));
    const { from, to, reason } = asked;
    // It would be answered as if it held, and hold nothing.
    if (to <= from || to <= now)
      return refuse(
        'malformed',
        what,
        'body/to',
        to <= from
          ? 'it ends before it begins'
          : `it is over already: ${to} is ${new Date(to).toISOString()}, and now is ${new Date(now).toISOString()}`,
        'give a later end, in milliseconds since 1970, or forMs',
      );
    const freeze: Freeze = { name, from, to, reason, by: principal.id };
    const held = lasting.find((f) => f.name === name && f.from <= now);
    if (held !== undefined && (from > now || to < held.to))
      return refuse(
        'weaker-freeze',
        what,
        stream,
        `${name} holds now, ${freezeEndText(held)}: ${held.reason}; the new one would end it, or end earlier`,
        `lift it first: headgate freeze lift ${name} --because "…"; or give another name`,
      );
    const others = lasting.filter((f) => f.name !== name);
    if (others.length >= MOST_FREEZES)
      return refuse('too-many-freezes', what, stream, `${MOST_FREEZES} are declared there`, 'lift one');
    const entry = { type: 'freeze.declared', data: { scope, ...freeze } };
    const committed = await write(deps, principal, stream, row, entry, [...others, freeze]);
    return committed ? ok(freeze) : undefined;
  });
}

/**
 * Ends a declared freeze by its name, and has what waited for it look again. Ending one that isn't there is no change, but of
 * a scope that isn't there it is refused: whoever misspelt it would take what holds for ended.
 */
export async function liftFreeze(
  deps: Deps,
  principal: Principal,
  scope: string,
  name: string,
  reason: string,
): Promise<Result<FreezeRecord>> {
  const stream = streams.freeze(scope);
  const denied = notPermitted(principal, 'freeze', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh('lift a freeze', stream, async () => {
    const row = await rowOf(deps, stream);
    const missing = row === undefined ? await missingScope(deps.store, scope) : undefined;
    if (missing !== undefined) {
      const unblock = 'headgate freeze list names the freezes that there are, each with its scope';
      return refuse('missing-document', 'lift a freeze', missing.document, missing.why, unblock);
    }
    const before = row?.state.freezes ?? [];
    if (!before.some((f) => f.name === name)) return ok({ freezes: before });
    const after = before.filter((f) => f.name !== name);
    const entry = { type: 'freeze.lifted', data: { scope, name, reason } };
    const committed = await write(deps, principal, stream, row, entry, after, await waiting(deps, scope));
    return committed ? ok({ freezes: after }) : undefined;
  });
}

async function rowOf(deps: Deps, stream: StreamId): Promise<Row<FreezeRecord> | undefined> {
  return (await deps.store.load([stream])).get(stream) as Row<FreezeRecord> | undefined;
}

/** The names of all freezes that aren't over, of whatever scope: whoever lifts one names it, and often nothing else. */
async function takenNames(deps: Deps, now: Instant, own: readonly Freeze[]): Promise<ReadonlySet<string>> {
  const rows = (await deps.store.list('freeze', { limit: MOST_SCOPES })) as readonly Row<FreezeRecord>[];
  const others = rows.flatMap(({ state }) => state.freezes.filter((f) => f.to > now));
  return new Set([...own, ...others].map((f) => f.name));
}

/** `now-20260302-2230`, and `-2` behind it when that is taken. */
function nameOf(now: Instant, taken: ReadonlySet<string>): string {
  const stamp = `now-${new Date(now).toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-')}`;
  for (let n = 1; ; n++) {
    const name = n === 1 ? stamp : `${stamp}-${n}`;
    if (!taken.has(name)) return name;
  }
}

/** The open promotions in a scope and their rollouts. */
async function waiting(deps: Deps, scope: string): Promise<readonly StreamId[]> {
  const application = frozenApplication(scope);
  const facet = scope === FREEZE_ALL || application !== undefined ? {} : { facet: scope };
  const open = await deps.store.list('promotion', { open: true, limit: MOST_WOKEN, ...facet });
  const ids = open
    .map((row) => row.state as Promotion)
    .filter((p) => application === undefined || p.application === application)
    .flatMap(({ id, cells }) => [streams.promotion(id), ...cells.map((cell) => streams.rollout(`${id}.${cell}`))]);
  return ids.slice(0, MOST_WOKEN * 5);
}

async function write(
  deps: Deps,
  principal: Principal,
  stream: StreamId,
  row: Row<FreezeRecord> | undefined,
  entry: { readonly type: string; readonly data: object },
  freezes: readonly Freeze[],
  wake: readonly StreamId[] = [],
): Promise<boolean> {
  const state: FreezeRecord = { freezes };
  const committed = await deps.store.commit({
    by: principal.id,
    writes: [{ stream, expected: row?.version ?? 0, entries: [entry], state, dueAt: null }],
    wake,
  });
  return committed.ok;
}
