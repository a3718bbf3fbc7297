/** Masks a copy: the story in the order in which it happens. */
import type { Digest } from '@headgate/domain';
import { judgeLeaks, type Leak, unexpected } from '@headgate/domain/masking/leaks';
import { type MaskingPlan, planMasking } from '@headgate/domain/masking/plan';
import type { ExpectedFind, MaskingRule, RuleRefusal } from '@headgate/domain/masking/rule';
import { type Refusal, refused } from '@headgate/domain/model/refusal';
import pg from 'pg';
import { type CopyMark, completeMark, MASKING, otherSessions, readMark } from './copy-mark.ts';
import { collectOriginals, type LeakScan, scanForLeaks } from './leak-scan.ts';
import type { MaskKeys } from './mask-keys.ts';
import { type MaskedTable, maskTables, restoreKeys } from './mask-tables.ts';
import { readCatalogue } from './read-catalogue.ts';
import { beginRun, endRun, inTransaction, type RunRecord, readRun, setPhase } from './run-record.ts';

export interface MaskingAsk {
  readonly database: pg.ClientConfig;
  /** Sessions that work at once. */
  readonly connections: number;
  readonly rules: readonly MaskingRule[];
  readonly expected: readonly ExpectedFind[];
  /** Digest of the document that the rules stand in. */
  readonly digest: Digest;
  readonly keys: MaskKeys;
  readonly say?: (told: MaskingProgress) => void;
}

export type MaskingProgress =
  | { readonly what: 'planned'; readonly plan: MaskingPlan; readonly goesOn: boolean }
  | { readonly what: 'collected'; readonly ms: number }
  | ({ readonly what: 'masked' } & MaskedTable)
  | { readonly what: 'keys'; readonly keys: number; readonly views: number };

/** What was done, as the statement and people are told. */
export interface MaskingReport {
  readonly of: string;
  readonly tables: readonly (MaskedTable & { readonly columns: readonly { column: string; mask: string }[] })[];
  readonly rows: number;
  readonly foreignKeys: number;
  /** A run before did a part of it: what took so long is not known of that. */
  readonly goesOn: boolean;
  /** From the first table to the last, keys checked; the leak scan and what it needs not counted. Milliseconds. */
  readonly maskMs: number;
  readonly scanMs: number;
  readonly leakScan: Omit<LeakScan, 'found'> & { readonly places: readonly Leak[] };
}

export type MaskingOutcome =
  | { readonly ok: true; readonly report: MaskingReport }
  /** By the same rules, before. */
  | { readonly ok: true; readonly already: CopyMark }
  | { readonly ok: false; readonly refusals: readonly (Refusal | RuleRefusal)[] };

export type MaskingPreview =
  | { readonly ok: true; readonly plan: MaskingPlan; readonly mark: CopyMark }
  | { readonly ok: false; readonly refusals: readonly (Refusal | RuleRefusal)[] };

/** One masking at a time in a database. */
const LOCK = `hashtextextended('headgate mask', 0)`;

/** How long a session of a killed run may take to notice. Milliseconds. */
const PATIENCE_MS = 30_000;

/** What would be done; changes nothing. */
export async function previewMasking(ask: Pick<MaskingAsk, 'database' | 'rules'>): Promise<MaskingPreview> {
  return withSessions(ask.database, 1, async ([client]) => {
    const read = await readMark(client);
    if (!read.ok) return { ok: false, refusals: [read.refusal] };
    const planned = planMasking(ask.rules, await readCatalogue(client));
    return planned.ok ? { ...planned, mark: read.mark } : planned;
  });
}

/**
 * Masks a marked copy; goes on where a run before was killed. Refused in a database that isn't marked, by rules that can't
 * hold, and by others than it was begun with. Throws when the database doesn't answer or refuses what it is told.
 */
export async function maskCopy(ask: MaskingAsk): Promise<MaskingOutcome> {
  return withSessions(ask.database, ask.connections, async (clients) => {
    const [first] = clients;
    const marked = await readMark(first);
    if (!marked.ok) return { ok: false, refusals: [marked.refusal] };
    const { mark } = marked;
    const no = (code: string, why: string, unblock: string): MaskingOutcome => ({
      ok: false,
      refusals: [refused(code, 'masking', mark.of, why, unblock).refusal],
    });
    if (!(await locked(first)))
      return no('masking-runs', 'another masking works in this copy', 'wait for it, or end its sessions');
    if (mark.maskedBy !== undefined && mark.maskedBy === ask.digest) return { ok: true, already: mark };
    if (mark.maskedBy !== undefined)
      return no('masked-otherwise', `it is masked by ${mark.maskedBy}`, 'restore a fresh copy, and mask that');
    // Whatever the mark says: what has users may have become production.
    const others = await otherSessions(first);
    if (others > 0)
      return no(
        'copy-in-use',
        `${others} other sessions are connected to it`,
        'make sure that it is a copy, and end what uses it',
      );
    let run = await readRun(first);
    if (run !== undefined && run.rules !== ask.digest)
      return no('begun-otherwise', `it was begun by ${run.rules}`, 'go on with those rules, or restore a fresh copy');
    if (run !== undefined && run.keyCheck !== ask.keys.check())
      return no('begun-with-another-key', 'it was begun with another key', 'go on with that key');
    const goesOn = run !== undefined;
    if (run === undefined) {
      const planned = planMasking(ask.rules, await readCatalogue(first));
      if (!planned.ok) return planned;
      run = await beginRun(first, { rules: ask.digest, keyCheck: ask.keys.check(), plan: planned.plan });
    }
    ask.say?.({ what: 'planned', plan: run.plan, goesOn });
    return { ok: true, report: await carryOut(clients, run, mark, ask) };
  });
}

type Sessions = readonly [pg.Client, ...pg.Client[]];

async function carryOut(
  clients: Sessions,
  { plan, phase }: RunRecord,
  mark: CopyMark,
  { keys, say, digest, expected }: MaskingAsk,
): Promise<MaskingReport> {
  const [first] = clients;
  const begun = performance.now();
  if (phase === 'collect') await collectOriginals(clients, plan, keys);
  const collected = performance.now();
  if (phase === 'collect') say?.({ what: 'collected', ms: collected - begun });
  const tables = await maskTables(clients, plan, keys, (table) => say?.({ what: 'masked', ...table }));
  await restoreKeys(clients, plan);
  await setPhase(first, 'scan');
  const masked = performance.now();
  say?.({
    what: 'keys',
    keys: plan.foreignKeys.length,
    views: plan.refresh.filter((sql) => sql.startsWith('refresh')).length,
  });
  const { found, ...scan } = await scanForLeaks(clients, await readCatalogue(first), keys);
  const places = judgeLeaks(found, expected);
  await inTransaction(first, async () => {
    const masked = plan.tables.map(({ own }) => own);
    await completeMark(first, digest, unexpected(places).length, masked);
    await endRun(first);
  });
  return {
    of: mark.of,
    tables: tables.map((table, i) => ({ ...table, columns: plan.tables[i]?.masked ?? [] })),
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    foreignKeys: plan.foreignKeys.length,
    goesOn: phase !== 'collect',
    maskMs: masked - collected,
    scanMs: performance.now() - masked + (collected - begun),
    leakScan: { ...scan, places },
  };
}

/** Waits a while: the server may not have noticed yet that a run before is dead. */
async function locked(client: pg.Client): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { rows } = await client.query<{ mine: boolean }>(`select pg_try_advisory_lock(${LOCK}) as mine`);
    if (rows[0]?.mine === true) return true;
    if (performance.now() >= until) return false;
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** What masking wants of a session: names in full, triggers off where rights allow, nothing compiled, nothing waited for. */
const SETTINGS: readonly string[] = [
  'set search_path = pg_catalog',
  'set row_security = off',
  'set jit = off',
  'set synchronous_commit = off',
  'set statement_timeout = 0',
  'set idle_in_transaction_session_timeout = 0',
  `set work_mem = '64MB'`,
  `set maintenance_work_mem = '256MB'`,
  // So that a dead masking's statement ends, too.
  `set client_connection_check_interval = '1s'`,
];

async function withSessions<T>(
  database: pg.ClientConfig,
  count: number,
  work: (clients: Sessions) => Promise<T>,
): Promise<T> {
  const clients = Array.from({ length: count }, () => new pg.Client({ ...database, application_name: MASKING }));
  try {
    for (const client of clients) {
      // What was under way is rejected, and tells.
      client.on('error', () => {});
      await client.connect();
      for (const sql of SETTINGS) await client.query(sql);
      // Where it isn't allowed, the plan was refused if there is a trigger that it matters for.
      await client.query('set session_replication_role = replica').catch((error: { code?: string }) => {
        if (error.code !== '42501') throw error;
      });
    }
    return await work(clients as unknown as Sessions);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  }
}
