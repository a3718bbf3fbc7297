/** Timelines of a cluster, by PostgreSQL's own records of them: where each left the one before it. */
import type pg from 'pg';
import { withClient } from './database.ts';

export interface LeftAt {
  /** The timeline that was left. */
  readonly parent: number;
  /** At which place. */
  readonly at: string;
}

/** The timeline that a segment, or a history, is of. */
export function timelineOf(name: string): number {
  return Number.parseInt(name.slice(0, 8), 16);
}

/** What a timeline's history says of its beginning: its last line. Throws when it is none. */
export function parseHistory(text: string): LeftAt {
  const last = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .at(-1);
  const [, parent, at] = /^(\d+)\s+([0-9A-F]{1,8}\/[0-9A-F]{1,8})/.exec(last ?? '') ?? [];
  if (parent === undefined || at === undefined) throw new Error('the history of a timeline can’t be read');
  return { parent: Number(parent), at };
}

/** All that a timeline's history says: each timeline that it came from, and where that one was left. */
export function ancestorsIn(text: string): readonly LeftAt[] {
  return [...text.matchAll(/^\s*(\d+)\s+([0-9A-F]{1,8}\/[0-9A-F]{1,8})/gm)].map(([, parent, at]) => ({
    parent: Number(parent),
    at: at as string,
  }));
}

/**
 * Where the recovery of a running cluster ended: by the record of the timeline that it began then, and not by how far its own log
 * is by now, which goes on with whatever is written to it. `connection`: a superuser's.
 */
export async function recoveryEnd(connection: pg.ClientConfig): Promise<LeftAt> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ history: string }>(
      `select pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history') as history`,
    );
    return parseHistory(rows[0]!.history);
  });
}
