/** What lies in vaults and repositories, as people are shown it: what was seen of it, in words, and what would mend it. */
import type { Vault } from '@headgate/contract';
import { type Instant, VAULT_STATES, vaultMend, vaultState, vaultText } from '@headgate/domain';
import type { Context } from './context.ts';
import type { Shown } from './handler.ts';

/** So many are shown at a time, those first that somebody should look at. */
const MOST = 200;

/** What was seen last of the restore points of these cells' stores; `onlyTrouble`: without those that could be brought back. */
export async function shownVaults(
  { deps }: Pick<Context, 'deps'>,
  cells: readonly string[],
  now: Instant,
  onlyTrouble = false,
): Promise<{ readonly items: readonly Shown<Vault>[]; readonly truncated: boolean }> {
  const seen = (await deps.vaults?.of(cells)) ?? [];
  const all = seen
    .map((each) => ({ each, state: vaultState(each, now), key: `${each.cell}/${each.store}` }))
    .filter(({ state }) => !onlyTrouble || state !== 'kept')
    .sort((a, b) => VAULT_STATES.indexOf(a.state) - VAULT_STATES.indexOf(b.state) || (a.key < b.key ? -1 : 1));
  const items = all.slice(0, MOST).map(({ each, state }) => {
    const { point, reachedAt, at, ...rest } = each;
    const shown = {
      ...(point !== undefined && { point }),
      ...(reachedAt !== undefined && { reachedAt }),
      ...(at !== undefined && { at }),
    };
    return { ...rest, ...shown, state, words: vaultText(each, now), mend: vaultMend(each, now) };
  });
  return { items: items as readonly Shown<Vault>[], truncated: all.length > MOST };
}
