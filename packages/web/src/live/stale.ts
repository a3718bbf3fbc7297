/**
 * Which queries an entry makes stale: a query's key begins with what it shows, and names in it the promotion or cell.
 * Streams are `promotion/<id>`, `rollout/<id>.<cell>`, `cell/<name>` and others; what was taken back late is `undone/<promotion>`.
 */
export function staleAfter(streams: ReadonlySet<string>, queryKey: readonly unknown[]): boolean {
  const [shows, name] = queryKey;
  if (shows === 'whoami') return false;
  // What is about everything changes with anything.
  if (shows === 'status' || shows === 'incident') return true;
  return [...streams].some((stream) => {
    const [kind = '', id = ''] = [stream.slice(0, stream.indexOf('/')), stream.slice(stream.indexOf('/') + 1)];
    switch (shows) {
      case 'promotions':
        return kind === 'promotion' || kind === 'undone';
      case 'promotion':
        // Gates look at freezes, evidence and cells too, so what is waited for may change with any of them.
        if (kind === 'promotion' || kind === 'undone') return id === name;
        return kind === 'rollout' ? id.startsWith(`${name}.`) : kind !== 'log';
      case 'cell':
        return (kind === 'cell' && id === name) || (kind === 'rollout' && id.endsWith(`.${name}`));
      default:
        return kind === shows;
    }
  });
}
