import { copiedText } from '@headgate/adapters/execution/external-store/claim';
import { isLeft, type Leavings } from '@headgate/adapters/execution/external-store/leave';

/** What would be removed from a store's databases, and what stays, in lines. `drop`: databases that were named. */
export function leavingsText(store: string, all: readonly Leavings[], drop: readonly string[]): readonly string[] {
  return all.flatMap(({ database, aside, standing, tables, login, comment, ...rest }): string[] => {
    if (aside && drop.includes(database))
      return [`database ${database}, which a restore put aside: it is dropped, with all data in it`];
    const goes = [
      ...(standing.claim?.here === false ? [`  (it ${copiedText(standing.claim)}; nothing changes there)`] : []),
      ...(standing.schema === 'ours' ? [`  the schema headgate, with its tables ${tables.join(', ')}`] : []),
      ...(login === undefined ? [] : [`  the role ${login}, which only migrations used`]),
      ...(comment ? ['  the comment that a restore put on the database'] : []),
    ];
    const kept = aside ? ` a restore put it aside, and it stays; to drop it with its data: --drop ${database}.` : '';
    const nothing = isLeft({ database, aside, standing, tables, login, comment, ...rest });
    if (nothing) return [`database ${database} (store ${store}):${kept} nothing of Headgate’s is in it`];
    return [`database ${database} (store ${store}):${kept} to be removed from it, and nothing else:`, ...goes];
  });
}
