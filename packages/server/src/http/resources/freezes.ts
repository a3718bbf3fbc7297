import { declareFreeze, type FreezeRecord, liftFreeze, missingScope, refuse } from '@headgate/control';
import { type Principal, UNTIL_LIFTED } from '@headgate/domain';
import { byRole } from '../actions.ts';
import type { Context } from '../context.ts';
import { effectOf, showFreeze } from '../freezes-over.ts';
import type { Handlers } from '../handler.ts';
import { allRows } from '../paging.ts';
import { nameOf } from '../views.ts';

const MOST_FREEZES = 1_000;

type Names = 'listFreezes' | 'showFreezeEffect' | 'declareFreeze' | 'liftFreeze';

export function freezeHandlers(context: Context): Handlers<Names> {
  const { deps } = context;
  const { store } = deps;
  const listed = async (principal: Principal) => {
    const now = await store.now();
    const { rows } = await allRows<FreezeRecord>(store, 'freeze', MOST_FREEZES);
    const items = rows.flatMap((row) =>
      row.state.freezes.filter((f) => f.to > now).map((f) => showFreeze(nameOf(row.stream), f)),
    );
    return { ok: true, value: { items, actions: freezeActions(principal) } } as const;
  };
  return {
    listFreezes: ({ principal }) => listed(principal),
    async showFreezeEffect({ input: { scope } }) {
      const missing = await missingScope(store, scope);
      if (missing !== undefined) {
        const what = 'show what a freeze would stop';
        return refuse('missing-document', what, missing.document, missing.why, missing.unblock);
      }
      return { ok: true, value: await effectOf(context, scope) };
    },
    async declareFreeze({ principal, body }) {
      const { scope, name, reason, forMs } = body;
      if ((body.to === undefined) === (forMs === undefined))
        return refuse(
          'malformed',
          'declare a freeze',
          'body/to',
          'it isn’t said when it ends, or it is said twice',
          'give either to (null: until it is lifted) or forMs',
        );
      const from = body.from ?? (await store.now());
      const to = forMs === undefined ? (body.to ?? UNTIL_LIFTED) : from + forMs;
      const asked = { from, to, reason, ...(name !== undefined && { name }) };
      const declared = await declareFreeze(deps, principal, scope, asked);
      if (!declared.ok) return declared;
      return { ok: true, value: { ...showFreeze(scope, declared.value), effect: await effectOf(context, scope) } };
    },
    async liftFreeze({ principal, input: { scope, name }, body }) {
      const lifted = await liftFreeze(deps, principal, scope, name, body.reason);
      return lifted.ok ? listed(principal) : lifted;
    },
  };
}

/** What a caller may do about freezes, and what it comes to. */
export function freezeActions(principal: Principal) {
  const { freeze = { allowed: false, because: '' } } = byRole(principal, ['freeze']);
  const says = (because: string) => (freeze.allowed ? { allowed: true, because } : freeze);
  return {
    freeze: says('no step forward begins; what is at work ends its step, and the way back stays open'),
    lift: says('what waited for it goes on by itself, if its gates still let it'),
  };
}
