/**
 * Readers and writers beside a migration, a session each, that do what an application does to a table: the longest that one
 * of them waited is the stall that people would have felt. They change nothing: a reader asks for one row by its place, a
 * writer takes the lock that every write takes, locks one row as an UPDATE would, and takes it back.
 */
import type { Stall } from '@headgate/domain/rehearsal/trace';
import pg from 'pg';

/** What canaries work with. */
export interface CanaryAsk {
  /** Logs in as the application does. */
  readonly connection: pg.ClientConfig;
  /** Sent as each session begins. */
  readonly settings: readonly string[];
  /** Most tables that are watched at once: two sessions each. */
  readonly mostTables: number;
}

/** Between two tries of one canary, for each table that is watched: one sees a stall at most so much too short. Milliseconds. */
const EVERY_MS = 2;
const LEAST_EVERY_MS = 8;

type Role = 'reader' | 'writer';

interface Canary {
  readonly relation: string;
  readonly role: Role;
  readonly client: pg.Client;
  /** Undefined: no try has succeeded. */
  longestMs: number | undefined;
  /** When the try that is under way began. */
  since: number | undefined;
  readonly errors: Record<string, number>;
  ended: Promise<void>;
}

/** A flock of them. Tables may be added while it works. */
export class Canaries {
  readonly #ask: CanaryAsk;
  readonly #tables = new Map<string, Promise<readonly Canary[]>>();
  readonly #unwatched = new Set<string>();
  #stopped = false;

  constructor(ask: CanaryAsk) {
    this.#ask = ask;
  }

  /** Puts a reader and a writer beside a table (quoted name), unless they are there. Resolves when they work. */
  async watch(relation: string): Promise<void> {
    if (this.#stopped || this.#unwatched.has(relation)) return;
    if (!this.#tables.has(relation)) {
      if (this.#tables.size >= this.#ask.mostTables) {
        this.#unwatched.add(relation);
        return;
      }
      this.#tables.set(
        relation,
        Promise.all((['reader', 'writer'] as const).map((role) => this.#start(relation, role))),
      );
    }
    await this.#tables.get(relation);
  }

  /** Ends them, those that still wait included, and tells what they felt. */
  async stop(): Promise<{ readonly stalls: readonly Stall[]; readonly unwatched: readonly string[] }> {
    this.#stopped = true;
    const stalls: Stall[] = [];
    for (const [relation, started] of this.#tables) {
      // One that couldn't begin watched nothing: its table is told as not watched.
      const canaries = await started.catch(() => undefined);
      if (canaries === undefined) {
        this.#unwatched.add(relation);
        continue;
      }
      await Promise.all(canaries.map(end));
      const stall = stallOf(relation, canaries);
      if (stall.readersMs === undefined && stall.writersMs === undefined) this.#unwatched.add(relation);
      else stalls.push(stall);
    }
    return { stalls, unwatched: [...this.#unwatched] };
  }

  async #start(relation: string, role: Role): Promise<Canary> {
    const client = new pg.Client({ ...this.#ask.connection, application_name: 'headgate canary' });
    // What was under way is rejected, and counts as an error.
    client.on('error', () => {});
    await client.connect();
    for (const sql of this.#ask.settings) await client.query(sql);
    const canary: Canary = {
      relation,
      role,
      client,
      longestMs: undefined,
      since: undefined,
      errors: {},
      ended: Promise.resolve(),
    };
    // The first try may wait already, and then it is what is to be measured.
    canary.ended = this.#work(canary);
    return canary;
  }

  async #work(canary: Canary): Promise<void> {
    const { client, relation, role, errors } = canary;
    const statement = role === 'reader' ? reading(relation) : writing(relation);
    for (let over = false; !over && !this.#stopped; ) {
      canary.since = performance.now();
      try {
        await client.query(statement);
        waited(canary);
      } catch (error) {
        // One that we end ourselves met no error.
        if (this.#stopped) return;
        const code = (error as { readonly code?: string }).code ?? 'lost';
        errors[code] = (errors[code] ?? 0) + 1;
        // Who waited for a table, and found that it was gone, has waited; who may not ask it at all has not.
        if (!REFUSED.has(code)) waited(canary);
        await client.query('rollback').catch(() => {});
        over = GONE.has(code);
      }
      canary.since = undefined;
      const every = Math.max(LEAST_EVERY_MS, EVERY_MS * this.#tables.size);
      if (!over && !this.#stopped) await new Promise((done) => setTimeout(done, every));
    }
  }
}

function waited(canary: Canary): void {
  if (canary.since !== undefined) canary.longestMs = Math.max(canary.longestMs ?? 0, performance.now() - canary.since);
}

/** No such kind of table, or no right: this canary can't tell. */
const REFUSED = new Set(['42703', '42809', '42501', '0A000']);
/** Nor can it go on without the table, or the session. */
const GONE = new Set([...REFUSED, '42P01', 'lost', '57P01']);

function reading(relation: string): string {
  return `select 1 from only ${relation} where ctid = '(0,1)'`;
}

function writing(relation: string): string {
  return `begin; lock table only ${relation} in row exclusive mode; select 1 from only ${relation} where ctid = '(0,1)' for update; rollback`;
}

async function end(canary: Canary): Promise<void> {
  // Whoever waits at the end has waited until now.
  waited(canary);
  await canary.client.end().catch(() => {});
  await canary.ended;
}

function stallOf(relation: string, canaries: readonly Canary[]): Stall {
  const of = (role: Role): number | undefined => canaries.find((each) => each.role === role)?.longestMs;
  const errors: Record<string, number> = {};
  for (const canary of canaries)
    for (const [code, count] of Object.entries(canary.errors)) errors[code] = (errors[code] ?? 0) + count;
  return { relation, readersMs: of('reader'), writersMs: of('writer'), errors };
}
