/** How many requests of each tenant run in each slot at this moment. Only numbers above zero are held. */
export class InFlight {
  private readonly counts = new Map<string, Map<string, number>>();

  /** Counts one request in. Call what it returns when its slot is through with it; calling it again does nothing. */
  enter(slot: string, tenant: string): () => void {
    const tenants = this.counts.get(slot) ?? new Map<string, number>();
    this.counts.set(slot, tenants);
    tenants.set(tenant, (tenants.get(tenant) ?? 0) + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const left = (tenants.get(tenant) ?? 1) - 1;
      if (left === 0) tenants.delete(tenant);
      else tenants.set(tenant, left);
    };
  }

  /** By slot and tenant. */
  read(): Record<string, Record<string, number>> {
    return Object.fromEntries([...this.counts].map(([slot, tenants]) => [slot, Object.fromEntries(tenants)]));
  }
}
