/** One request of a customer, as it ended: a page that somebody who logged in opened, or a timesheet line written by an API client. */
export interface OdooJournalLine {
  readonly tenant: string;
  readonly action: 'read' | 'write';
  /** When it was sent; milliseconds since the epoch, this machine's clock. */
  readonly at: number;
  /** How long the answer took. Milliseconds. */
  readonly ms: number;
  readonly outcome: 'acknowledged' | 'turned-away' | 'failed';
  /** Of a write that was acknowledged: the line's id, and what was promised about it. */
  readonly written?: { readonly id: number; readonly name: string; readonly hours: number };
  /** Of one that failed: how. */
  readonly why?: string;
}

/** What `node load.ts --config file.json` is told. */
export interface OdooLoadConfig {
  readonly journalFile: string;
  /** The cells' routers, with their tenants. */
  readonly cells: readonly {
    readonly url: string;
    /** JSON object of tenant to API key. */
    readonly tokensFile: string;
    /** JSON object of tenant to login and password. */
    readonly peopleFile: string;
    readonly tenants: readonly { readonly id: string; readonly host: string }[];
  }[];
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
  /** An answer later than this is a failed request. Milliseconds. */
  readonly timeLimitMs: number;
}
