import { declareFreeze, type FreezeRecord, liftFreeze, refuse } from '@headgate/control';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';
import { allRows } from '../paging.ts';
import { nameOf } from '../views.ts';

const MOST_FREEZES = 1_000;

export function freezeHandlers({ deps }: Context): Handlers<'listFreezes' | 'declareFreeze' | 'liftFreeze'> {
  const { store } = deps;
  return {
    async listFreezes() {
      const { rows } = await allRows<FreezeRecord>(store, 'freeze', MOST_FREEZES);
      const items = rows.flatMap((row) => row.state.freezes.map((f) => ({ scope: nameOf(row.stream), ...f })));
      return { ok: true, value: { items } };
    },
    async declareFreeze({ principal, body }) {
      const { scope, name, to, reason } = body;
      const from = body.from ?? (await store.now());
      if (to <= from)
        return refuse('malformed', 'declare a freeze', 'body/to', 'it ends before it begins', 'give a later end');
      const declared = await declareFreeze(deps, principal, scope, { name, from, to, reason });
      return declared.ok ? { ok: true, value: { scope, name, from, to, reason } } : declared;
    },
    async liftFreeze({ principal, input: { scope, name } }) {
      const lifted = await liftFreeze(deps, principal, scope, name);
      if (!lifted.ok) return lifted;
      return { ok: true, value: { items: lifted.value.freezes.map((f) => ({ scope, ...f })) } };
    },
  };
}
