import type { Sessions } from './sessions.ts';

/** What was heard of an agent. Milliseconds since 1970, by the database. */
export interface AgentContact {
  readonly agent: string;
  /** When it asked for work last. */
  readonly heardAt: number;
  /** Since when it has ended, by its last word; null: it gave none. */
  readonly endedAt: number | null;
  /** Cells in which nothing runs any more, by that word: a person ended them. */
  readonly stopped: readonly string[];
}

/** An agent asks for work more often than this; so often is it written down. Milliseconds. */
const WRITE_EVERY_MS = 10_000;
/** So many agents' last writes are remembered here; above, all are forgotten, which costs a write each. */
const MOST_REMEMBERED = 10_000;

/** Who of the agents is there: a row an agent, which every server writes. */
export class AgentContacts {
  readonly #sessions: Sessions;
  readonly #written = new Map<string, number>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** An agent asked for work: it is there, whatever it said before. Writes at most every few seconds. */
  async heard(agent: string): Promise<void> {
    const now = performance.now();
    if (now - (this.#written.get(agent) ?? Number.NEGATIVE_INFINITY) < WRITE_EVERY_MS) return;
    if (this.#written.size >= MOST_REMEMBERED) this.#written.clear();
    this.#written.set(agent, now);
    await this.#sessions.query(
      `insert into headgate.agent_contact (agent, heard_at) values ($1, headgate.clock_ms())
       on conflict (agent) do update set heard_at = excluded.heard_at, ended_at = null, stopped = '[]'`,
      [agent],
    );
  }

  /** An agent's last word. */
  async ended(agent: string, stopped: readonly string[]): Promise<void> {
    this.#written.delete(agent);
    await this.#sessions.query(
      `insert into headgate.agent_contact (agent, heard_at, ended_at, stopped)
       values ($1, headgate.clock_ms(), headgate.clock_ms(), $2)
       on conflict (agent) do update set ended_at = excluded.ended_at, stopped = excluded.stopped`,
      [agent, JSON.stringify(stopped)],
    );
  }

  /** What was heard of these; of whom nothing was heard is left out. */
  async of(agents: readonly string[]): Promise<ReadonlyMap<string, AgentContact>> {
    const { rows } = await this.#sessions.query<{
      agent: string;
      heard_at: string;
      ended_at: string | null;
      stopped: readonly string[];
    }>('select agent, heard_at, ended_at, stopped from headgate.agent_contact where agent = any($1)', [agents]);
    return new Map(
      rows.map(({ agent, heard_at, ended_at, stopped }) => [
        agent,
        { agent, heardAt: Number(heard_at), endedAt: ended_at === null ? null : Number(ended_at), stopped },
      ]),
    );
  }
}
