/**
 * Compares two places of one store, in one REPEATABLE READ snapshot of it: exact however much is written meanwhile, where a row
 * is written to both in one transaction. Where it isn't, what differs is looked at again until it stands still.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MovedDifference, PlacesCompared } from '@headgate/domain';
import pg from 'pg';
import type { MoveConfig } from './move-config.ts';
import { CantCompare, type PlaceColumns, placeColumns } from './place-columns.ts';
import {
  boundStatement,
  countStatement,
  differingStatement,
  doubledStatement,
  type KeyTexts,
  type Range,
  type Statement,
  unlikeStatement,
  wholeStatement,
} from './place-statements.ts';

/** Keys of each kind of difference that are named, on this machine alone. */
export const MOST_KEYS = 20;
/** Tenants whose differences are counted apart. */
const MOST_TENANTS = 10_000;
/** Tenants that are told. */
const TOLD_TENANTS = 20;
/** Where more differ than this, nobody looks twice: so many rows aren't caught between two writes. */
const MOST_AGAIN = 10_000;
/** A row that changes with every look is looked at so often. */
const MOST_LOOKS = 5;
const LOCK_WAIT_MS = 1_000;
/** After a statement it rests for so long a share of the time that it took: whoever works there goes first. */
const REST_SHARE = 0.5;
const MOST_REST_MS = 500;
/** Looked for again by its text, a key has to be found: what isn't found would pass for what agrees. */
const KEY_CHANGES =
  'a key is written in two ways, or isn’t the same once it was read again: cast it to text in both queries, or set settleMs to 0';
/** What the driver gives a server that doesn't end a statement by itself. Milliseconds. */
const GRACE_MS = 5_000;

export interface DifferingKey {
  readonly what: MovedDifference;
  readonly key: KeyTexts;
  readonly tenant: string | undefined;
}

/** What was found, with keys of what differs: customers' data, which leaves this machine for nowhere. */
export interface ComparedPlaces extends PlacesCompared {
  readonly keys: readonly DifferingKey[];
  readonly statements: number;
  readonly tookMs: number;
}

interface Differing extends DifferingKey {
  readonly says: string;
  readonly counts: { readonly old: number; readonly new: number };
  readonly sums: readonly { readonly old: string | null; readonly new: string | null }[];
}

type Counts = Record<MovedDifference, number>;

/** One session, one statement at a time. `config`: the application's own login; nothing is ever written. */
export async function comparePlaces(
  config: pg.ClientConfig,
  move: MoveConfig,
  signal: AbortSignal,
): Promise<ComparedPlaces> {
  const client = new pg.Client({
    ...config,
    application_name: 'headgate compares places',
    connectionTimeoutMillis: 10_000,
    query_timeout: move.statementMs + GRACE_MS,
  });
  client.on('error', () => {});
  const away = (): void => void client.end().catch(() => {});
  signal.addEventListener('abort', away, { once: true });
  try {
    signal.throwIfAborted();
    await client.connect();
    return await new Comparison(client, move, signal).run();
  } catch (error) {
    throw signal.aborted ? (signal.reason as Error) : said(error);
  } finally {
    signal.removeEventListener('abort', away);
    await client.end().catch(() => {});
  }
}

class Comparison {
  readonly #client: pg.Client;
  readonly #move: MoveConfig;
  readonly #signal: AbortSignal;
  readonly #startedAt = performance.now();
  #statements = 0;

  constructor(client: pg.Client, move: MoveConfig, signal: AbortSignal) {
    this.#client = client;
    this.#move = move;
    this.#signal = signal;
  }

  async run(): Promise<ComparedPlaces> {
    await this.#settings();
    const first = await this.#inSnapshot((columns) => this.#wholeLook(columns));
    const { settleMs } = this.#move;
    if (settleMs === 0 || first.differing.length < first.counted) return this.#answer(first, first.differing, []);
    return this.#lookAgain(first);
  }

  async #wholeLook(columns: PlaceColumns): Promise<FirstLook> {
    const [old, other] = [await this.#whole(this.#move.old, columns), await this.#whole(this.#move.new, columns)];
    const look = new FirstLook(columns, old, other);
    for (let over: KeyTexts | undefined; ; ) {
      const upTo = columns.ordered ? await this.#bound(columns, over) : undefined;
      const range = { over, upTo };
      const [twice] = await this.#query<{ doubled: boolean }>(doubledStatement(this.#move, columns, range));
      const doubled = twice?.doubled !== false;
      const rows = await this.#query<CountRow>(
        countStatement(this.#move, columns, range, { doubled, mostTenants: MOST_TENANTS + 1 }),
      );
      if (rows.length > MOST_TENANTS)
        throw new CantCompare(`more than ${MOST_TENANTS} tenants have rows there: leave tenant out of the move`);
      const before = { ...look.counts };
      look.add(rows);
      for (const what of BY_KEY) if (look.counts[what] > before[what]) await this.#name(look, columns, range, what);
      if (upTo === undefined) break;
      over = upTo;
    }
    look.check();
    return look;
  }

  /** All of a kind where it will be looked at again, a few otherwise. */
  async #name(look: FirstLook, columns: PlaceColumns, range: Range, what: KeyDifference): Promise<void> {
    const again = this.#move.settleMs > 0 ? MOST_AGAIN - look.differing.length : 0;
    const room = Math.max(again, MOST_KEYS - look.differing.filter((each) => each.what === what).length);
    if (room <= 0) return;
    const rows = await this.#query<DifferingRow>(differingStatement(this.#move, columns, range, [what], room));
    look.differing.push(...rows.map((row) => differing(row, columns)));
  }

  /** What stands as it stood is a difference; what agrees by now was under way; what changes goes on being looked at. */
  async #lookAgain(first: FirstLook): Promise<ComparedPlaces> {
    const lasting: Differing[] = [];
    let open: readonly Differing[] = first.differing;
    for (let look = 2; look <= MOST_LOOKS && open.length > 0; look++) {
      await sleep(this.#move.settleMs, undefined, { signal: this.#signal });
      const those = open.map(({ key }) => key);
      const found = await this.#inSnapshot(async (columns) => {
        const [unlike] = await this.#query<{ n: string }>(unlikeStatement(columns, those));
        if (unlike?.n !== '0') throw new CantCompare(KEY_CHANGES);
        const rows = await this.#query<DifferingRow>(
          differingStatement(this.#move, columns, { those }, BY_KEY, those.length),
        );
        return rows.map((row) => differing(row, columns));
      });
      const before = new Map(open.map((each) => [JSON.stringify(each.key), each]));
      const still = found.map((each) => {
        const was = before.get(JSON.stringify(each.key));
        if (was === undefined) throw new CantCompare(KEY_CHANGES);
        return { each, was };
      });
      // As of the first look: what is taken off the figures has to be what is in them.
      lasting.push(...still.filter(({ each, was }) => each.says === was.says).map(({ was }) => was));
      open = still
        .filter(({ each, was }) => each.says !== was.says)
        .map(({ each, was }) => ({ ...was, says: each.says }));
    }
    return this.#answer(first, lasting, open);
  }

  async #answer(first: FirstLook, lasting: readonly Differing[], open: readonly Differing[]): Promise<ComparedPlaces> {
    const all = lasting === first.differing;
    const stands = new Set(lasting.map(({ key }) => JSON.stringify(key)));
    const gone = all ? [] : first.differing.filter(({ key }) => !stands.has(JSON.stringify(key)));
    const counts: Counts = all ? first.counts : { ...NONE, keyless: first.counts.keyless };
    const tenants = all ? first.tenants : new Map<string, number>();
    if (!all)
      for (const { what, tenant } of lasting) {
        counts[what]++;
        if (tenant !== undefined) tenants.set(tenant, (tenants.get(tenant) ?? 0) + 1);
      }
    const sorted = [...tenants].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const named = new Map<MovedDifference, number>();
    const keys = lasting.filter(({ what }) => {
      const n = (named.get(what) ?? 0) + 1;
      named.set(what, n);
      return n <= MOST_KEYS;
    });
    const off = (side: 'old' | 'new'): number => gone.reduce((sum, { counts: c }) => sum + c[side], 0);
    return {
      rows: { old: first.old.rows - off('old'), new: first.other.rows - off('new') },
      differences: counts,
      unsettled: open.length,
      tenants: sorted.slice(0, TOLD_TENANTS).map(([tenant, differences]) => ({ tenant, differences })),
      others: Math.max(0, sorted.length - TOLD_TENANTS),
      sums: await this.#sumsWithout(first, gone),
      keys: keys.map(({ what, key, tenant }) => ({ what, key, tenant })),
      statements: this.#statements,
      tookMs: Math.ceil(performance.now() - this.#startedAt),
    };
  }

  async #sumsWithout({ columns, old, other }: FirstLook, gone: readonly Differing[]): Promise<PlacesCompared['sums']> {
    const without = async (sum: string, parts: readonly (string | null)[]): Promise<string> => {
      const own = parts.filter((each) => each !== null);
      if (own.length === 0) return sum;
      const rows = await this.#query<{ s: string }>({
        text: `select pg_catalog.trim_scale($1::numeric - (select sum(p::numeric) from unnest($2::text[]) p))::text as s`,
        values: [sum, own],
      });
      return rows[0]!.s;
    };
    const sums: PlacesCompared['sums'][number][] = [];
    for (const [i, { name }] of columns.amounts.entries())
      sums.push({
        amount: name,
        old: await without(
          old.sums[i]!,
          gone.map((each) => each.sums[i]!.old),
        ),
        new: await without(
          other.sums[i]!,
          gone.map((each) => each.sums[i]!.new),
        ),
      });
    return sums;
  }

  /** Values are read and keys written in one form, whatever was set for the database or the login. */
  async #settings(): Promise<void> {
    const settings = [
      `statement_timeout = ${this.#move.statementMs}`,
      `lock_timeout = ${LOCK_WAIT_MS}`,
      `idle_in_transaction_session_timeout = ${MOST_REST_MS + GRACE_MS}`,
      'default_transaction_read_only = on',
      // Rows that a policy hides would be compared as if they weren't there: rather an error than fewer rows.
      'row_security = off',
      "timezone = 'UTC'",
      "datestyle = 'ISO, YMD'",
      "intervalstyle = 'postgres'",
      'extra_float_digits = 1',
      'max_parallel_workers_per_gather = 0',
      'jit = off',
      "work_mem = '16MB'",
    ];
    for (const each of settings) await this.#client.query(`set ${each}`);
    // Who is let go of in the middle of a statement holds no lock for longer than this: a migration waits for it. From 14 on.
    await this.#client.query(
      `select pg_catalog.set_config(name, '200', false) from pg_catalog.pg_settings where name = 'client_connection_check_interval'`,
    );
  }

  async #inSnapshot<T>(work: (columns: PlaceColumns) => Promise<T>): Promise<T> {
    await this.#client.query('begin isolation level repeatable read read only');
    const found = await work(await placeColumns(this.#client, this.#move));
    await this.#client.query('rollback');
    return found;
  }

  async #whole(sql: string, columns: PlaceColumns): Promise<Whole> {
    const [row] = await this.#query<Record<string, string>>({ text: wholeStatement(sql, columns), values: [] });
    const { rows = '0', keyless = '0', ...sums } = row ?? {};
    return { rows: Number(rows), keyless: Number(keyless), sums: columns.amounts.map((_, i) => sums[`s${i}`]!) };
  }

  async #bound(columns: PlaceColumns, over: KeyTexts | undefined): Promise<KeyTexts | undefined> {
    const [row] = await this.#query<Record<string, string>>(boundStatement(this.#move, columns, over));
    return row === undefined ? undefined : columns.key.map((_, i) => row[`t${i}`]!);
  }

  async #query<T extends pg.QueryResultRow>({ text, values }: Statement): Promise<T[]> {
    this.#signal.throwIfAborted();
    if (performance.now() - this.#startedAt > this.#move.wholeMs)
      throw new CantCompare(
        `it didn’t end within ${this.#move.wholeMs / 1_000} s: make an index on the key, or let wholeMs be longer`,
      );
    const startedAt = performance.now();
    const { rows } = await this.#client.query<T>(text, [...values]);
    this.#statements++;
    await sleep(Math.min(MOST_REST_MS, (performance.now() - startedAt) * REST_SHARE), undefined, {
      signal: this.#signal,
    });
    return rows;
  }
}

interface Whole {
  readonly rows: number;
  readonly keyless: number;
  readonly sums: readonly string[];
}

type KeyDifference = Exclude<MovedDifference, 'keyless'>;
const BY_KEY: readonly KeyDifference[] = ['missingInNew', 'missingInOld', 'different', 'doubled'];

type CountRow = Readonly<Record<'old' | 'new' | KeyDifference, string>> & { readonly tenant: string | null };
type DifferingRow = Readonly<Record<string, string | null>> & { readonly what: KeyDifference };

const NONE: Counts = { missingInNew: 0, missingInOld: 0, different: 0, doubled: 0, keyless: 0 };

/** What the first look found, range by range. */
class FirstLook {
  readonly columns: PlaceColumns;
  readonly old: Whole;
  readonly other: Whole;
  readonly counts: Counts;
  readonly tenants = new Map<string, number>();
  readonly differing: Differing[] = [];
  readonly #seen = { old: 0, new: 0 };

  constructor(columns: PlaceColumns, old: Whole, other: Whole) {
    this.columns = columns;
    this.old = old;
    this.other = other;
    this.counts = { ...NONE, keyless: old.keyless + other.keyless };
  }

  /** Differences with a key. */
  get counted(): number {
    return BY_KEY.reduce((sum, each) => sum + this.counts[each], 0);
  }

  add(rows: readonly CountRow[]): void {
    for (const { tenant, old, new: other, ...counted } of rows) {
      this.#seen.old += Number(old);
      this.#seen.new += Number(other);
      let own = 0;
      for (const [what, n] of Object.entries(counted) as [MovedDifference, string][]) {
        this.counts[what] += Number(n);
        own += Number(n);
      }
      const whose = tenant?.slice(0, 200);
      if (whose === undefined || own === 0) continue;
      if (!this.tenants.has(whose) && this.tenants.size >= MOST_TENANTS)
        throw new CantCompare(`more than ${MOST_TENANTS} tenants differ: leave tenant out of the move`);
      this.tenants.set(whose, (this.tenants.get(whose) ?? 0) + own);
    }
  }

  /** Every row of each place was in one range, and in one alone: what was counted apart has to be what was compared. */
  check(): void {
    for (const [side, whole, seen] of [
      ['old', this.old, this.#seen.old],
      ['new', this.other, this.#seen.new],
    ] as const)
      if (whole.rows - whole.keyless !== seen)
        throw new CantCompare(
          `the ${side} place’s query answered with ${whole.rows - whole.keyless} rows and, range by range, with ${seen}: it has to answer alike each time`,
        );
  }
}

function differing(row: DifferingRow, { key, amounts }: PlaceColumns): Differing {
  return {
    what: row.what,
    key: key.map((_, i) => row[`t${i}`]!),
    tenant: row.tenant ?? undefined,
    says: `${row.what} ${row.says}`,
    counts: { old: Number(row.oc), new: Number(row.nc) },
    sums: amounts.map((_, i) => ({ old: row[`os${i}`] ?? null, new: row[`ns${i}`] ?? null })),
  };
}

/** What a database says, without the values that it would quote. */
function said(error: unknown): Error {
  if (error instanceof CantCompare || !(error instanceof Error)) return error as Error;
  const { code } = error as { readonly code?: string };
  if (code === '57014')
    return new CantCompare(
      'a statement took longer than it may: make an index on the key, or let batchRows be smaller',
    );
  if (code === '55P03') return new CantCompare('somebody holds a lock on one of the places: it is tried again');
  if (code === '42501' && error.message.includes('row-level security'))
    return new CantCompare(
      `${error.message.slice(0, 200)}, and rows that a policy hides can’t be compared: let the application’s login see them all (its role’s bypassrls, or no force row level security where it owns the table)`,
    );
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) {
    // Data exceptions quote values of rows; what is said of names and rights is said in full.
    const quoted = code.startsWith('22') || code.startsWith('23') ? `PostgreSQL says ${code}` : error.message;
    return new CantCompare(quoted.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300));
  }
  return error;
}
