import type { Freeze, Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { FREEZE_ALL, type FreezeRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/** Freezes that one scope holds at a time: every tick reads them. */
const MOST_FREEZES = 100;

/**
 * Declares a freeze for an environment, or for everything (`all`). Forward steps stop at once; undo never does. A scope
 * that isn't there is refused: a freeze of a misspelt environment would stop nothing, and look as if it did.
 */
export async function declareFreeze(
  deps: Deps,
  principal: Principal,
  scope: string,
  freeze: Freeze,
): Promise<Result<FreezeRecord>> {
  const what = 'declare a freeze';
  const stream = streams.freeze(scope);
  const denied = notPermitted(principal, 'freeze', stream);
  if (denied !== undefined) return no(denied);
  const environment = streams.document('Environment', scope);
  if (scope !== FREEZE_ALL && !(await deps.store.load([environment])).has(environment))
    return refuse('missing-document', what, environment, 'there is no such environment', `name one, or ${FREEZE_ALL}`);
  const now = await deps.store.now();
  const event = { type: 'freeze.declared', data: { scope, ...freeze } };
  return change(deps, principal, scope, event, (before) => {
    const others = before.filter((f) => f.name !== freeze.name && f.to > now);
    if (others.length >= MOST_FREEZES)
      return refuse('too-many-freezes', what, stream, `${MOST_FREEZES} are declared there`, 'lift one');
    return ok([...others, freeze]);
  });
}

/** Ends a declared freeze by its name. Ending one that isn't there is no change. */
export async function liftFreeze(
  deps: Deps,
  principal: Principal,
  scope: string,
  name: string,
): Promise<Result<FreezeRecord>> {
  return change(deps, principal, scope, { type: 'freeze.lifted', data: { scope, name } }, (before) =>
    ok(before.some((f) => f.name === name) ? before.filter((f) => f.name !== name) : before),
  );
}

async function change(
  deps: Deps,
  principal: Principal,
  scope: string,
  entry: { type: string; data: object },
  apply: (before: readonly Freeze[]) => Result<readonly Freeze[]>,
): Promise<Result<FreezeRecord>> {
  const stream = streams.freeze(scope);
  const denied = notPermitted(principal, 'freeze', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh(entry.type, stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<FreezeRecord> | undefined;
    const before = row?.state.freezes ?? [];
    const after = apply(before);
    if (!after.ok) return after;
    if (after.value === before) return ok({ freezes: before });
    const state: FreezeRecord = { freezes: after.value };
    const committed = await deps.store.commit({
      by: principal.id,
      writes: [{ stream, expected: row?.version ?? 0, entries: [entry], state, dueAt: null }],
    });
    return committed.ok ? ok(state) : undefined;
  });
}
