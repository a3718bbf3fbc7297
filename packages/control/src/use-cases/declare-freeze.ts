import type { Freeze, Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { type FreezeRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, untilFresh } from './result.ts';

/** Declares a freeze for an environment, or for everything (`all`). Forward steps stop at once; undo never does. */
export async function declareFreeze(
  deps: Deps,
  principal: Principal,
  scope: string,
  freeze: Freeze,
): Promise<Result<FreezeRecord>> {
  return change(deps, principal, scope, { type: 'freeze.declared', data: { scope, ...freeze } }, (before) => [
    ...before.filter((f) => f.name !== freeze.name),
    freeze,
  ]);
}

/** Ends a declared freeze by its name. Ending one that isn't there is no change. */
export async function liftFreeze(
  deps: Deps,
  principal: Principal,
  scope: string,
  name: string,
): Promise<Result<FreezeRecord>> {
  return change(deps, principal, scope, { type: 'freeze.lifted', data: { scope, name } }, (before) =>
    before.filter((f) => f.name !== name),
  );
}

async function change(
  deps: Deps,
  principal: Principal,
  scope: string,
  entry: { type: string; data: object },
  apply: (before: readonly Freeze[]) => readonly Freeze[],
): Promise<Result<FreezeRecord>> {
  const stream = streams.freeze(scope);
  const denied = notPermitted(principal, 'freeze', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh(entry.type, stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<FreezeRecord> | undefined;
    const state: FreezeRecord = { freezes: apply(row?.state.freezes ?? []) };
    const committed = await deps.store.commit({
      by: principal.id,
      writes: [{ stream, expected: row?.version ?? 0, entries: [entry], state, dueAt: null }],
    });
    return committed.ok ? ok(state) : undefined;
  });
}
