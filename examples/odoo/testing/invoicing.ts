/** For tests only: customers who post invoices all the while, and keep the numbers that they were given. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import { postInvoice } from '../demo/tenant-state.ts';

/** Between two invoices of a tenant. Milliseconds. */
const EVERY_MS = 1_500;

export class Invoicing {
  /** Numbers that customers were given, by tenant, in order. */
  readonly given = new Map<string, string[]>();
  private readonly over = new AbortController();
  private readonly working: readonly Promise<void>[];

  constructor(cell: BroughtUpCell) {
    this.working = cell.cell.tenants.map(({ id }) => this.invoice(cell, id));
  }

  /** Comes back once what was under way has ended. */
  async stop(): Promise<ReadonlyMap<string, readonly string[]>> {
    this.over.abort();
    await Promise.all(this.working);
    return this.given;
  }

  private async invoice(cell: BroughtUpCell, tenant: string): Promise<void> {
    const own: string[] = [];
    this.given.set(tenant, own);
    while (!this.over.signal.aborted) {
      // Turned away, or cut off: nothing was promised.
      const number = await postInvoice(cell, tenant).catch(() => undefined);
      if (number !== undefined) own.push(number);
      await sleep(EVERY_MS, undefined, { signal: this.over.signal }).catch(() => {});
    }
  }
}
