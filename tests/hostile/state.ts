/** What a control plane's database holds, but for the attempts that it notes: the same before and after a refusal. */
import type { asSuperuser } from '@headgate/server/testing/superuser';

export type Database = Parameters<Parameters<typeof asSuperuser>[1]>[0];

export interface Held {
  readonly entries: number;
  readonly rows: number;
  readonly blobs: number;
  /** Of every row's version and state. */
  readonly digest: string;
}

export async function heldIn(db: Database): Promise<Held> {
  const { rows } = await db.query<Held>(`select
    (select count(*)::int from headgate.entry where stream not like 'attempt/%') as entries,
    (select count(*)::int from headgate.stream where kind <> 'attempt') as rows,
    (select count(*)::int from headgate.blob) as blobs,
    (select md5(coalesce(string_agg(stream || version || state::text, ' ' order by stream), ''))
       from headgate.stream where kind <> 'attempt') as digest`);
  return rows[0] as Held;
}
