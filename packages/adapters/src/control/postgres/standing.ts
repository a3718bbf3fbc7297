import type { ToldStandby, ToldVault } from '@headgate/domain';
import type { Sessions } from './sessions.ts';

/** So many rows are counted of what can be many; more are as alarming as these. */
const MOST = 10_000;
/** An agent says at least every five minutes what it sees, changed or not: so twice that. Milliseconds. */
const SILENT_MS = 600_000;
/** For how long a step may be on offer before somebody should ask why no agent takes it. Milliseconds. */
const OFFERED_MS = 60_000;
/** A lease that ran out is taken back within a second; after this nobody does. Milliseconds. */
const LEASE_OVER_MS = 15_000;

interface Of {
  readonly environment: string;
  readonly application: string;
}

/** How things stand at one moment, counted: what an operations team is woken by. */
export interface Counted {
  /** Open promotions by phase; `back`: how many of them were decided to go back. */
  readonly open: readonly (Of & { readonly phase: string; readonly count: number; readonly back: number })[];
  /** Promotions that wait for an approval, and the longest wait: since they were asked for, at a later wave since their last entry. */
  readonly approvals: readonly (Of & { readonly count: number; readonly oldestMs: number })[];
  /** Environments that are declared: where nothing ended yet, the count is zero and not unknown. */
  readonly environments: readonly Of[];
  /** All that ever ended. */
  readonly ended: readonly (Of & { readonly result: string; readonly count: number })[];
  /** Freezes that hold now: `all`, an environment, or `application:NAME`. */
  readonly freezes: readonly { readonly scope: string; readonly count: number }[];
  readonly agents: readonly {
    readonly environment: string;
    readonly state: 'seen' | 'silent' | 'never';
    readonly count: number;
  }[];
  readonly deliveries: { readonly count: number; readonly oldestMs: number };
  /** Entries that the sequencer hasn't placed. */
  readonly unplaced: { readonly count: number; readonly oldestMs: number };
  readonly assignments: readonly {
    readonly environment: string;
    readonly phase: string;
    readonly count: number;
    readonly overdue: number;
  }[];
  /** What was told last of the standbys of each cell, and how long ago. */
  readonly standbys: readonly {
    readonly environment: string;
    readonly cell: string;
    readonly at: number;
    readonly now: number;
    readonly standbys: readonly ToldStandby[];
  }[];
  /** What was told last of the restore points of each cell, and how long ago. */
  readonly vaults: readonly {
    readonly environment: string;
    readonly cell: string;
    readonly at: number;
    readonly now: number;
    readonly vaults: readonly ToldVault[];
  }[];
  /** For how long the longest waiting row has been due. */
  readonly dueLagMs: number;
}

/**
 * One statement, one snapshot, and every part of it by an index: of what is open, unsent, held or at work now. What ever was
 * isn't read: endings are tallied as they happen (0010).
 */
const COUNT_SQL = `
with c as materialized (select headgate.clock_ms() as now),
open as materialized (
  select coalesce(r.facet, '') as environment, coalesce(r.application, '') as application, r.phase, r.state, r.last_at, r.made_at
  from headgate.stream r where r.kind = 'promotion' and r.open limit ${MOST}
),
seen as materialized (
  select o.seen_by as by, max(o.seen_at) as at from (
    select r.seen_by, r.seen_at from headgate.stream r where r.kind = 'cell' limit ${MOST}
  ) o where o.seen_by is not null group by 1
)
select
  (select coalesce(json_agg(x), '[]') from (
    select environment, application, phase, count(*)::integer as count,
      (count(*) filter (where state ->> 'undo' is not null))::integer as back
    from open group by 1, 2, 3) x) as open,
  (select coalesce(json_agg(x), '[]') from (
    select environment, application, count(*)::integer as count,
      max(greatest(0, c.now - case when (state ->> 'wave')::integer = 0 then made_at else last_at end)) as "oldestMs"
    from open, c where phase = 'awaiting' and exists (
      select from json_array_elements(state -> 'verdicts') v
      where v ->> 'gate' = 'approval' and v ->> 'verdict' not in ('pass', 'waived'))
    group by 1, 2) x) as approvals,
  (select coalesce(json_agg(x), '[]') from (
    select substring(r.stream from 22) as environment, coalesce(r.state #>> '{spec,application}', '') as application
    from headgate.stream r where r.kind = 'document'
      and r.stream >= 'document/Environment/' and r.stream < 'document/Environment0' limit ${MOST}) x) as environments,
  (select coalesce(json_agg(x), '[]') from (
    select environment, application, result, count from headgate.promotions_ended
    order by environment, application, result limit ${MOST}) x) as ended,
  (select coalesce(json_agg(x), '[]') from (
    select substring(r.stream from 8) as scope, count(*)::integer as count
    from c, headgate.stream r, json_array_elements(r.state -> 'freezes') f
    where r.kind = 'freeze' and (f ->> 'from')::bigint <= c.now and (f ->> 'to')::bigint > c.now
    group by 1 limit ${MOST}) x) as freezes,
  (select coalesce(json_agg(x), '[]') from (
    select a.environment, a.seen as state, count(*)::integer as count from (
      select e.environment,
        case when s.at is null then 'never' when s.at > c.now - ${SILENT_MS} then 'seen' else 'silent' end as seen
      from c, (select r.stream, r.state from headgate.stream r where r.kind = 'principal' limit ${MOST}) r
      cross join lateral json_array_elements_text(r.state -> 'environments') as e(environment)
      left join seen s on s.by = substring(r.stream from 11)
      where (r.state -> 'roles')::jsonb ? 'agent' and r.state ->> 'revoked' is distinct from 'true'
    ) a group by 1, 2) x) as agents,
  (select json_build_object('count', count(*), 'oldestMs', coalesce(max(greatest(0, c.now - d.made_at)), 0))
    from c, (select r.made_at from headgate.stream r where r.kind = 'delivery' and r.due_at is not null
      order by r.made_at limit ${MOST}) d) as deliveries,
  (select json_build_object('count', count(*), 'oldestMs', coalesce((
      select greatest(0, c.now - (substring(encode(substring(e.bytes from 1 for 30), 'escape') from '^[{]"at":([0-9]+)'))::bigint)
      from c, headgate.entry e where e.id = (select min(w.entry) from headgate.entry_waiting w)), 0))
    from (select w.entry from headgate.entry_waiting w limit ${MOST}) q) as unplaced,
  (select coalesce(json_agg(x), '[]') from (
    select a.environment, a.phase, count(*)::integer as count, (count(*) filter (where a.overdue))::integer as overdue from (
      select coalesce(r.facet, '') as environment, r.state ->> 'phase' as phase,
        case r.state ->> 'phase' when 'offered' then r.queued_at < c.now - ${OFFERED_MS}
          when 'leased' then r.due_at < c.now - ${LEASE_OVER_MS} else false end as overdue
      from c, headgate.stream r where r.exclusive >= 'cell/' and r.exclusive < 'cell0' and r.kind = 'rollout' limit ${MOST}
    ) a group by 1, 2) x) as assignments,
  (select coalesce(json_agg(x), '[]') from (
    select coalesce(r.facet, '') as environment, l.cell, l.told_at as at, c.now, l.standbys
    from c, headgate.standby_look l left join headgate.stream r on r.stream = 'cell/' || l.cell
    where json_array_length(l.standbys) > 0 limit ${MOST}) x) as standbys,
  (select coalesce(json_agg(x), '[]') from (
    select coalesce(r.facet, '') as environment, l.cell, l.told_at as at, c.now, l.vaults
    from c, headgate.vault_look l left join headgate.stream r on r.stream = 'cell/' || l.cell
    where json_array_length(l.vaults) > 0 limit ${MOST}) x) as vaults,
  (select greatest(0, coalesce(max(c.now - d.at), 0)) from c, (
    select coalesce(r.claimed_until, r.due_at) as at from headgate.stream r
    where coalesce(r.claimed_until, r.due_at) is not null order by coalesce(r.claimed_until, r.due_at) limit 1) d) as "dueLagMs"
`;

/** Counts how things stand. */
export class Standing {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** At this moment. Throws StoreUnavailable when the database is away. */
  async count(): Promise<Counted> {
    const { rows } = await this.#sessions.query<Counted & Record<string, unknown>>(COUNT_SQL);
    return rows[0] as Counted;
  }
}
