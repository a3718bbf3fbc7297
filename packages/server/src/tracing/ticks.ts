import type { Tracing } from '@headgate/adapters/tracing/index';
import { type Around, type ControlStore, streams } from '@headgate/control';
import type { Promotion } from '@headgate/domain';
import { idsOf, type LineIds, withIds } from '../log-lines.ts';
import { attributesOf } from './attributes.ts';

/** Promotions whose trace is known without asking: a rollout's row doesn't hold it. */
const MOST_KNOWN = 2_000;

/** What is around each tick: its lines' ids, and, where traces are wanted, a span in its promotion's trace. */
export function aroundTicks(store: ControlStore, tracing: Tracing | undefined): Around {
  const known = new Map<string, string | undefined>();

  async function traceOf({ promotion }: LineIds): Promise<string | undefined> {
    if (promotion === undefined || known.has(promotion)) return known.get(promotion ?? '');
    const stream = streams.promotion(promotion);
    const trace = ((await store.load([stream])).get(stream)?.state as Promotion | undefined)?.trace;
    if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value as string);
    known.set(promotion, trace);
    return trace;
  }

  return async (row, tick) => {
    const ids = idsOf(row.stream);
    if (tracing === undefined) return withIds(ids, tick);
    const kind = row.stream.slice(0, row.stream.indexOf('/'));
    const under = await traceOf(ids).catch(() => undefined);
    await withIds(ids, () => tracing.around(`tick ${kind}`, { attributes: attributesOf(ids), under }, tick));
  };
}
