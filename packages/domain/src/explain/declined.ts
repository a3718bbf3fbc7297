/** What a person declined to lose, and what can be done where a cell was let stand half way back. */
import type { Instant, PrincipalId } from '../model/identity.ts';
import type { Plan } from '../plan/plan.ts';
import { named } from '../plan/render-words.ts';

/** A no to a step that loses data, as it stands on the log. */
export interface Declined {
  readonly cell: string;
  readonly step: string;
  readonly by: PrincipalId;
  readonly because: string;
  readonly at: Instant;
}

/** What can be done from there, with commands. `cells` were let stand. */
export function nextOfDeclined({ environment, cells }: Plan, declined: readonly string[]): readonly string[] {
  const own = cells.filter(({ cell }) => declined.includes(cell));
  const stores = own.flatMap(({ recovery }) =>
    recovery.flatMap(({ action }) => (action.kind === 'reconcile' ? [action.store] : [])),
  );
  return [
    `\`headgate status\` says what serves in ${named(declined)} once its agent has observed it: until then nothing is promoted there`,
    `\`headgate promote RELEASE --to ${environment}\` takes a release there that goes forward from how it stands, a fix or a hotfix; no agent goes back there by itself any more`,
    ...(stores.length > 0
      ? [
          `\`headgate-agent reconcile DOCUMENT --config agent.yaml --store ${stores[0]}\` compares what was caught half way in ${named(stores)}: the undo didn’t come to it`,
        ]
      : []),
  ];
}
