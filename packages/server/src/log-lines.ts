/** What every log line carries while something is under way: the request's id, or what a tick is about. */
import { AsyncLocalStorage } from 'node:async_hooks';

export type LineIds = Readonly<Record<string, string>>;

const lines = new AsyncLocalStorage<LineIds>();

/** Runs work whose lines carry these ids, whoever writes them. */
export function withIds<T>(ids: LineIds, work: () => T): T {
  return lines.run(ids, work);
}

/** For the logger: what its next line carries. A copy, because the logger writes the line's own fields into it. */
export function idsHere(): Record<string, string> {
  return { ...lines.getStore() };
}

/** A stream's ids by the names that lines and spans have for them: `rollout/prm_a.live` is of promotion `prm_a`, too. */
export function idsOf(stream: string): LineIds {
  const at = stream.indexOf('/');
  const [kind, id] = [stream.slice(0, at), stream.slice(at + 1)];
  if (kind === 'promotion') return { promotion: id };
  if (kind === 'rollout') return { promotion: id.split('.')[0] ?? '', rollout: id, cell: id.split('.')[1] ?? '' };
  if (kind === 'cell') return { cell: id };
  return kind === 'delivery' ? { delivery: id } : {};
}
