import type { Operation } from '@headgate/domain/model/operation';
import { type Answer, type ClosedNow, denied, granted, type Operations, type StepContext } from '@headgate/execution';
import type { RouterClient } from './router-client.ts';
import type { ChangeAnswer } from './routing-table.ts';

/** Closes operations of a cell's tenants at its router, and opens them again. */
export class RouterOperations implements Operations {
  private readonly router: RouterClient;

  constructor(router: RouterClient) {
    this.router = router;
  }

  async close(
    tenants: readonly string[],
    operations: readonly Operation[],
    ctx: StepContext,
    where: { readonly slot?: string | undefined; readonly forMs?: number | undefined } = {},
  ): Promise<Answer<void>> {
    const { slot, forMs } = where;
    if ((await this.router.table()).closed === undefined)
      return denied(
        'rejected',
        'the cell’s router was started by an older agent, and can’t refuse single operations; stop its process (router/router.pid.json in the cell’s folder), and its agent starts it anew',
      );
    const closing = {
      operations: operations.map(({ name, says, requests }) => ({
        name,
        says,
        requests: requests.map(({ methods, path }) => ({ methods: [...methods], path })),
      })),
      tenants: [...tenants],
      ...(slot !== undefined && { slot }),
      ...(forMs !== undefined && { forMs: Math.max(1, Math.round(forMs)) }),
    };
    return answered(await this.router.change(ctx.fence, {}, {}, { close: [closing] }));
  }

  async reopen(
    tenants: readonly string[],
    operations: readonly string[],
    ctx: StepContext,
    slot?: string,
  ): Promise<Answer<void>> {
    // One that can't close anything has nothing to open.
    if ((await this.router.table()).closed === undefined) return granted(undefined);
    const reopening = { operations: [...operations], tenants: [...tenants], ...(slot !== undefined && { slot }) };
    return answered(await this.router.change(ctx.fence, {}, {}, { reopen: [reopening] }));
  }

  async closed(): Promise<readonly ClosedNow[]> {
    return ((await this.router.table()).closed ?? []).map(({ operation, tenants, slot, since, until }) => ({
      operation: operation.name,
      says: operation.says,
      tenants,
      ...(slot !== undefined && { slot }),
      since,
      ...(until !== undefined && { until }),
    }));
  }

  async inFlight(tenants: readonly string[]): Promise<number> {
    const running = await this.router.closedInFlight();
    return tenants.reduce((sum, tenant) => sum + (Object.hasOwn(running, tenant) ? (running[tenant] as number) : 0), 0);
  }
}

function answered(answer: ChangeAnswer): Answer<void> {
  return answer.ok ? granted(undefined) : denied(answer.code, answer.why);
}
