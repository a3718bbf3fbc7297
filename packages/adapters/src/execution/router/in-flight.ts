type Counts = Map<string, Map<string, number>>;
type Read = Record<string, Record<string, number>>;

/** How many requests of each tenant run in each slot at this moment. Only numbers above zero are held. */
export class InFlight {
  private readonly all: Counts = new Map();
  private readonly writing: Counts = new Map();

  /**
   * Counts one request in, `writes` saying whether it may change something. Call what it returns when its slot is through
   * with it; calling it again does nothing.
   */
  enter(slot: string, tenant: string, writes: boolean): () => void {
    const counts = writes ? [this.all, this.writing] : [this.all];
    for (const each of counts) add(each, slot, tenant, 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      for (const each of counts) add(each, slot, tenant, -1);
    };
  }

  /** By slot and tenant. */
  read(): Read {
    return plain(this.all);
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
