/**
 * The call that commits, with pauses: before its first statement and behind each one it waits until every session has carried out
 * a whole business transaction, or waits for a lock. So what it loses of what users write meanwhile is always in the count:
 * undisturbed, a file would be over before anybody wrote.
 */

import type { Answer } from '@headgate/execution';
import { statementsOf } from '@headgate/migrations/parse/statements';
import pg from 'pg';
import { type CallEnd, called } from './interrupt.ts';
import type { Sessions } from './sessions.ts';

export interface PauseAsk {
  readonly text: string;
  readonly users: Pick<Sessions, 'begun' | 'pending' | 'hurry'>;
  /** A superuser of the copy. */
  readonly control: pg.ClientConfig;
  readonly signal: AbortSignal;
  /** Pauses at so many places from the first on; absent: at all. */
  readonly most?: number | undefined;
  up(text: string): Promise<Answer<unknown>>;
}

export interface Paused {
  readonly end: CallEnd;
  /** Pauses that it was let go from because everybody had worked or waited, of so many that there would be. */
  readonly paused: number;
  readonly places: number;
  /** Places from the first on at which nobody waited for what it held. */
  readonly free: number;
}

/** Pauses of one file; of more places than these some are picked, evenly. */
const MOST_PAUSES = 40;
/** Who is kept waiting by what the file holds is kept no longer than this at one pause. Milliseconds. */
const MOST_PAUSE_MS = 10_000;
const LOOK_MS = 10;
/** Waits for a lock are looked at twice, so far apart: sessions wait for each other, too, and not for long. Milliseconds. */
const STILL_MS = 50;
/** Of its second number each pause has one of its own. */
const GATE = [0x6864_7061, 0x7573_6500] as const;

/** Calls with pauses and lets go of each. */
export async function pausing({ text, users, control, signal, most, up }: PauseAsk): Promise<Paused> {
  const places = statementsOf(text).length + 1;
  const behind = picked(places).slice(0, most);
  const client = new pg.Client({ ...control, application_name: 'headgate rehearsal' });
  client.on('error', () => {}); // what was under way is rejected, and tells
  let paused = 0;
  let free: number | undefined;
  let over = false;
  let calling: Promise<CallEnd> | undefined;
  try {
    await client.connect();
    for (const i of behind.keys()) await client.query('select pg_advisory_lock($1, $2)', [GATE[0], GATE[1] + i]);
    calling = called(() => up(withPauses(text, behind))).finally(() => {
      over = true;
    });
    for (const i of behind.keys()) {
      let pid: number | undefined;
      while (!over && pid === undefined) {
        pid = await waitsAt(client, i);
        if (pid === undefined) await rest(LOOK_MS);
      }
      if (over) break;
      const came = await everybodyWorked(client, users, signal);
      if (came !== 'too late') paused++;
      if (came === 'waits') free ??= i;
      await client.query('select pg_advisory_unlock($1, $2)', [GATE[0], GATE[1] + i]);
    }
  } finally {
    // What is held goes with it, and nobody waits here any more.
    await client.end().catch(() => {});
    await calling;
  }
  return { end: await calling!, paused, places, free: free ?? behind.length };
}

/** After how many of its statements it pauses, in order. */
function picked(places: number): readonly number[] {
  const n = Math.min(places, MOST_PAUSES);
  return Array.from({ length: n }, (_, i) => Math.round((i * (places - 1)) / Math.max(1, n - 1)));
}

/** The text with a wait behind so many of its statements each; how long it waits for locks otherwise stays as it was. */
export function withPauses(text: string, behind: readonly number[]): string {
  const statements = statementsOf(text);
  const bytes = Buffer.from(text);
  const pieces: (string | Buffer)[] = [];
  let from = 0;
  for (const [i, n] of behind.entries()) {
    const to = statements[n]?.at.offset ?? bytes.length;
    pieces.push(bytes.subarray(from, to), statements[n] === undefined ? '\n;\n' : '', waitFor(i), '\n');
    from = to;
  }
  pieces.push(bytes.subarray(from));
  return Buffer.concat(pieces.map((each) => Buffer.from(each))).toString();
}

function waitFor(i: number): string {
  const wait = `select pg_catalog.set_config('headgate.lock_timeout', pg_catalog.current_setting('lock_timeout'), true), pg_catalog.set_config('lock_timeout', '0', true);`;
  const again = `select pg_catalog.set_config('lock_timeout', pg_catalog.current_setting('headgate.lock_timeout'), true);`;
  return `${wait} select pg_catalog.pg_advisory_xact_lock(${GATE[0]}, ${GATE[1] + i}); ${again}`;
}

async function waitsAt(client: pg.Client, i: number): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>(
    `select l.pid from pg_locks l join pg_database d on d.oid = l.database
     where d.datname = current_database() and l.locktype = 'advisory' and not l.granted and l.classid::int8 = $1 and l.objid::int8 = $2`,
    [GATE[0], GATE[1] + i],
  );
  return rows[0]?.pid;
}

async function everybodyWorked(
  client: pg.Client,
  users: PauseAsk['users'],
  signal: AbortSignal,
): Promise<'worked' | 'waits' | 'too late'> {
  const until = performance.now() + MOST_PAUSE_MS;
  const since = users.begun;
  users.hurry(true);
  try {
    let waited: ReadonlySet<number> = new Set();
    let lookedAt = Number.NEGATIVE_INFINITY;
    while (performance.now() < until) {
      signal.throwIfAborted();
      const pending = users.pending(since);
      if (pending === 0) return 'worked';
      if (performance.now() - lookedAt >= STILL_MS) {
        const waits = await whoWaits(client);
        if ([...waits].filter((pid) => waited.has(pid)).length >= pending) return 'waits';
        waited = waits;
        lookedAt = performance.now();
      }
      await rest(LOOK_MS);
    }
    return 'too late';
  } finally {
    users.hurry(false);
  }
}

/** Sessions of users that wait for a lock; those that only watch tables, and our own, are none. */
async function whoWaits(client: pg.Client): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ pid: number }>(
    `select a.pid from pg_stat_activity a where a.datname = current_database() and a.wait_event_type = 'Lock'
       and a.application_name not like 'headgate %' and not exists (
         select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and not l.granted and l.classid::int8 = $1)`,
    [GATE[0]],
  );
  return new Set(rows.map(({ pid }) => pid));
}

const rest = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
