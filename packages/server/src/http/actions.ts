/** What a caller's roles allow, where nothing but the role decides. Promotions and rollouts ask the domain's deciders. */
import { mayDo, type Principal, type Verb } from '@headgate/domain';

export type Actions = Readonly<Record<string, { readonly allowed: boolean; readonly because: string }>>;

export function byRole(principal: Principal, verbs: readonly Verb[]): Actions {
  return Object.fromEntries(
    verbs.map((verb) => {
      const may = mayDo(principal, verb);
      return [verb, may.allowed ? { allowed: true, because: 'your role may' } : may];
    }),
  );
}
