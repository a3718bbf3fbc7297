/**
 * One look at a standby of a store: at the primary, at the standby, and at the primary once more, so that what the standby has
 * is compared with what the primary had written before and after it was asked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ToldStandby } from '@headgate/domain';
import type pg from 'pg';
import { ancestorsIn } from '../../postgres-cluster/timelines.ts';
import { reaches } from '../../postgres-cluster/wal-place.ts';
import { boundedLook, type LookBounds, whyNot } from './bounded-look.ts';
import { type PrimaryPositions, placeOf } from './primary-positions.ts';

/** What is seen of one standby, whoever's it is. */
export type StandbyLook = Omit<ToldStandby, 'store' | 'name' | 'ageMs'>;

/** A look, and which server it came to. */
export interface LookedAt {
  readonly seen: StandbyLook;
  /** The same for whoever comes to this server, by whichever address, until it is started anew; absent: it didn't answer. */
  readonly server?: string;
}

const BOUNDS: LookBounds = { deadlineMs: 5_000, mostBytes: 256 * 1024 };
/** For so long it is asked again whether it has come to where the primary was: it is behind by what that takes. Milliseconds. */
const CATCH_UP_MS = 1_000;
const ASK_EVERY_MS = 100;

export interface LookParts {
  /** The primary's, of a superuser: as the store's own. */
  primary(): Promise<pg.ClientConfig>;
  /** The standby's, of a login with the rights of pg_monitor. */
  standby(): Promise<pg.ClientConfig>;
  readonly positions: PrimaryPositions;
  /** By a monotonic clock. Milliseconds. */
  now(): number;
  readonly bounds?: LookBounds;
}

/** Looks at a standby. Never throws, and never takes longer than its bounds say, whoever hangs. */
export async function lookAtStandby(parts: LookParts): Promise<LookedAt> {
  const { bounds = BOUNDS, now, positions } = parts;
  const look: Look = async (config, work) => {
    try {
      return { ok: true, value: await boundedLook(await config(), bounds, work) };
    } catch (error) {
      return { ok: false, why: whyNot(error) };
    }
  };
  // Of the moment before it was asked: the log came to that place then or later.
  const at = now();
  const before = await look(parts.primary, askPrimary);
  const first = before.ok ? before.value : undefined;
  if (first?.place !== undefined) positions.saw(placeOf(first.place), at);
  const standby = await look(parts.standby, (client) => askStandby(client, first?.place));
  if (!standby.ok) return { seen: { standing: 'unreachable', why: `it can’t be asked: ${standby.why}`.slice(0, 500) } };
  const { system, started } = standby.value;
  return { seen: await compared(look, parts, before, standby.value), server: `${system} ${started}` };
}

/** How what a standby said of itself goes with what its primary had written before, and has by now. */
async function compared(look: Look, parts: LookParts, before: Answer<Primary>, seen: Standby): Promise<StandbyLook> {
  const { now, positions } = parts;
  const first = before.ok ? before.value : undefined;
  const facts = {
    ...(seen.paused && { paused: true as const }),
    ...(seen.receiving !== undefined && { receiving: seen.receiving }),
  };
  const stands = (standing: StandbyLook['standing'], why: string): StandbyLook => ({
    standing,
    why: why.slice(0, 500),
    ...facts,
  });
  if (first !== undefined && seen.system !== first.system)
    return stands('other-cluster', 'it is of another cluster: its system identifier isn’t the primary’s');
  if (!seen.recovering)
    return first?.started === seen.started && first?.place !== undefined
      ? stands('other-cluster', 'its address leads to the primary itself')
      : stands('promoted', 'it was promoted: it takes writes of its own');
  if (!before.ok)
    return stands('unknown', `the primary can’t be asked, so how far it is behind isn’t known: ${before.why}`);
  if (before.value.place === undefined)
    return stands('unknown', 'the address of the store itself leads to a server in recovery, which is no primary');
  const apart = await otherTimeline(look, parts, before.value, seen);
  if (apart !== undefined) return stands(apart.known ? 'other-timeline' : 'unknown', apart.why);
  if (seen.replayed === undefined) return stands('unknown', 'it doesn’t say what it has replayed');
  const again = now();
  const after = await look(parts.primary, askPrimary);
  if (!after.ok || after.value.place === undefined || after.value.timeline !== before.value.timeline)
    return stands('unknown', 'the primary changed, or went away, while it was looked at');
  const newest = placeOf(after.value.place);
  positions.saw(newest, again);
  const replayed = placeOf(seen.replayed);
  const had = seen.received === undefined ? replayed : max(placeOf(seen.received), replayed);
  if (had > newest)
    return stands('ahead', 'it has what the primary never wrote: they have gone apart, though on one timeline');
  const lagMs = positions.lagMs(replayed, newest, now(), {
    primaryNowMs: after.value.clockMs,
    replayedCommitMs: seen.commitMs,
  });
  return {
    standing: 'following',
    lagBytes: replayed >= newest ? 0 : Number(newest - replayed),
    ...(lagMs !== undefined && { lagMs: Math.ceil(lagMs) }),
    ...facts,
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

interface Primary {
  readonly system: string;
  readonly started: string;
  /** Absent: it is in recovery itself. */
  readonly place: string | undefined;
  readonly timeline: number;
  readonly clockMs: number;
}

async function askPrimary(client: pg.ClientBase): Promise<Primary> {
  const { rows } = await client.query<{
    system: string;
    started: string;
    place: string | null;
    timeline: string | null;
    clock: string;
  }>(
    `select system_identifier::text as system, pg_postmaster_start_time()::text as started,
       case when not pg_is_in_recovery() then pg_current_wal_lsn()::text end as place,
       case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline,
       floor(extract(epoch from clock_timestamp()) * 1000)::text as clock
     from pg_control_system()`,
  );
  const { system, started, place, timeline, clock } = rows[0]!;
  return {
    ...{ system, started, place: place ?? undefined },
    timeline: Number.parseInt(timeline ?? '0', 16),
    clockMs: Number(clock),
  };
}

interface Standby {
  readonly system: string;
  readonly started: string;
  readonly recovering: boolean;
  readonly received: string | undefined;
  readonly replayed: string | undefined;
  readonly commitMs: number | undefined;
  readonly paused: boolean;
  readonly receiving: boolean | undefined;
  readonly timeline: number;
}

/** Asked again for a moment where it hasn't come to `place` yet: on a primary at work it is always a little behind. */
async function askStandby(client: pg.ClientBase, place: string | undefined): Promise<Standby> {
  for (let waitedMs = 0; ; waitedMs += ASK_EVERY_MS) {
    const seen = await askOnce(client);
    const there = place === undefined || !seen.recovering || seen.paused || seen.replayed === undefined;
    if (there || reaches(seen.replayed, place) || waitedMs >= CATCH_UP_MS) return seen;
    await sleep(ASK_EVERY_MS);
  }
}

async function askOnce(client: pg.ClientBase): Promise<Standby> {
  const { rows } = await client.query<{
    system: string;
    started: string;
    recovering: boolean;
    received: string | null;
    replayed: string | null;
    commit: string | null;
    paused: boolean | null;
    may: boolean;
    receiver: string | null;
    timeline: number;
  }>(
    `select system_identifier::text as system, pg_postmaster_start_time()::text as started,
       pg_is_in_recovery() as recovering, pg_last_wal_receive_lsn()::text as received,
       pg_last_wal_replay_lsn()::text as replayed,
       floor(extract(epoch from pg_last_xact_replay_timestamp()) * 1000)::text as commit,
       case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() <> 'not paused' end as paused,
       pg_has_role(current_user, 'pg_read_all_stats', 'usage') as may,
       (select status from pg_stat_wal_receiver) as receiver,
       greatest((select received_tli from pg_stat_wal_receiver), min_recovery_end_timeline, timeline_id) as timeline
     from pg_control_system(), pg_control_recovery(), pg_control_checkpoint()`,
  );
  const { system, started, recovering, received, replayed, commit, paused, may, receiver, timeline } = rows[0]!;
  return {
    ...{ system, started, recovering, timeline, paused: paused === true },
    received: received ?? undefined,
    replayed: replayed ?? undefined,
    commitMs: commit === null ? undefined : Number(commit),
    receiving: may ? receiver === 'streaming' : undefined,
  };
}

type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

type Look = <T>(config: () => Promise<pg.ClientConfig>, work: (client: pg.Client) => Promise<T>) => Promise<Answer<T>>;

/** Why a standby isn't on the primary's timeline, nor on one that it came from; undefined: it is. */
async function otherTimeline(
  look: Look,
  { primary }: LookParts,
  { timeline }: Primary,
  seen: Standby,
): Promise<{ readonly known: boolean; readonly why: string } | undefined> {
  if (seen.timeline === timeline) return undefined;
  const where = `it is on timeline ${seen.timeline}, and the primary on ${timeline}`;
  if (seen.timeline > timeline) return { known: true, why: where };
  const history = await look(primary, async (client) => {
    const { rows } = await client.query<{ history: string | null }>(
      `select pg_read_file('pg_wal/' || lpad(upper(to_hex($1::int)), 8, '0') || '.history', 0, 65536, true) as history`,
      [timeline],
    );
    return rows[0]?.history ?? '';
  });
  if (!history.ok) return { known: false, why: `${where}; whether that came from there can’t be told: ${history.why}` };
  const left = ancestorsIn(history.value).find(({ parent }) => parent === seen.timeline);
  if (left === undefined) return { known: true, why: `${where}, which didn’t come from there` };
  // What it has beyond that place the primary's timeline never had.
  const had = [seen.received, seen.replayed].filter((each) => each !== undefined);
  return had.some((place) => place !== left.at && reaches(place, left.at))
    ? { known: true, why: `${where}, which was left at ${left.at}: it went on by itself` }
    : undefined;
}
