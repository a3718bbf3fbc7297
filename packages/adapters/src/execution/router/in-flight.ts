import type { AskedFor } from '@headgate/domain/model/operation';
import type { ClosingsInForce } from './closings.ts';

type Counts = Map<string, Map<string, number>>;
type Read = Record<string, Record<string, number>>;

/** How many requests of each tenant run in each slot at this moment. Only numbers above zero are held. */
export class InFlight {
  private readonly all: Counts = new Map();
  private readonly writing: Counts = new Map();
  /** By tenant, what each asks for: an operation may be closed while some of its requests run. */
  private readonly asked = new Map<string, Set<{ readonly slot: string; readonly what: AskedFor }>>();

  /**
   * Counts one request in, `writes` saying whether it may change something, `what` what it asks for. Call what it returns when its slot is through
   * with it; calling it again does nothing.
   */
  enter(slot: string, tenant: string, writes: boolean, what?: AskedFor): () => void {
    const counts = writes ? [this.all, this.writing] : [this.all];
    for (const each of counts) add(each, slot, tenant, 1);
    const forget = what === undefined ? () => {} : this.note(tenant, { slot, what });
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      forget();
      for (const each of counts) add(each, slot, tenant, -1);
    };
  }

  /** By slot and tenant. */
  read(): Read {
    return plain(this.all);
  }

  private note(tenant: string, entry: { readonly slot: string; readonly what: AskedFor }): () => void {
    const entries = this.asked.get(tenant) ?? new Set();
    this.asked.set(tenant, entries.add(entry));
    return () => {
      entries.delete(entry);
      if (entries.size === 0 && this.asked.get(tenant) === entries) this.asked.delete(tenant);
    };
  }

  /** By tenant, how many requests of operations that are closed by now still run. */
  ofClosed(closed: ClosingsInForce): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [tenant, entries] of this.asked) {
      const running = [...entries].filter(({ slot, what }) => closed.asked(tenant, slot, what) !== undefined).length;
      if (running > 0) counts[tenant] = running;
    }
    return counts;
  }

  /** Of these, the ones that may change something. */
  writes(): Read {
    return plain(this.writing);
  }
}

function add(counts: Counts, slot: string, tenant: string, n: 1 | -1): void {
  const tenants = counts.get(slot) ?? new Map<string, number>();
  counts.set(slot, tenants);
  const left = (tenants.get(tenant) ?? 0) + n;
  if (left <= 0) tenants.delete(tenant);
  else tenants.set(tenant, left);
}

function plain(counts: Counts): Read {
  return Object.fromEntries([...counts].map(([slot, tenants]) => [slot, Object.fromEntries(tenants)]));
}
