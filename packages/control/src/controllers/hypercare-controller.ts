import {
  driftOf,
  dueOfHypercare,
  evolveHypercare,
  type Hypercare,
  type HypercareFacts,
  type Instant,
  nextOfHypercare,
} from '@headgate/domain';
import type { Committed, ControlStore, Row } from '../ports/store.ts';
import { type CellRecord, streams } from '../records.ts';
import type { Controller } from './tick.ts';

export class HypercareController implements Controller {
  readonly kind = 'hypercare';
  readonly #store: ControlStore;

  constructor(store: ControlStore) {
    this.#store = store;
  }

  async tick(row: Row, now: Instant): Promise<Committed> {
    const hypercare = (row as Row<Hypercare>).state;
    const cells = await this.#store.load(hypercare.cells.map(streams.cell));
    const observed = new Map<string, { at: Instant; releases: string[]; drift?: string }>();
    for (const name of hypercare.cells) {
      const seen = (cells.get(streams.cell(name))?.state as CellRecord | undefined)?.observed;
      if (seen === undefined) continue;
      const serving = new Set(Object.values(seen.state.tenants).map((tenant) => tenant.slot));
      const releases = [...serving].flatMap((slot) => seen.state.slots[slot]?.release?.digest ?? []);
      const [drifted] = driftOf(seen.state);
      const drift = drifted && { drift: `store ${drifted.store} has drifted: ${drifted.why}` };
      observed.set(name, { at: seen.at, releases, ...drift });
    }
    const facts = { now, observed } as HypercareFacts;
    const decision = nextOfHypercare(hypercare, facts);
    if (decision.events.length === 0) {
      await this.#store.postpone(row.stream, row.version, decision.lookAt, row.dueAt);
      return { ok: true };
    }
    let state = hypercare;
    for (const event of decision.events) state = evolveHypercare(state, event);
    return this.#store.commit({
      by: 'sys',
      writes: [
        { stream: row.stream, expected: row.version, entries: decision.events, state, dueAt: dueOfHypercare(state) },
      ],
    });
  }
}
