/**
 * One commit: one call, one transaction.
 *
 * Locks first: an advisory lock for each stream written (alone) or read (shared) and for each exclusive key wanted, in
 * the order of their numbers, so that commits never deadlock. They cover streams that don't exist yet, they queue fairly
 * (a decision to roll back isn't starved by a thousand rollouts that read the promotion), and readers leave no trace on
 * the row. Claims and postponements take row locks only and wait for nobody while they hold one.
 *
 * The entries' bytes were made before, so the caller brings their time `p_at`. It must not be ahead of this clock, nor
 * more than a second behind, nor before the stream's last entry; otherwise the outcome is 'clock', nothing is changed, and
 * the caller makes the bytes anew with the time given back.
 */
export const commit = `
create function headgate.commit(
  p_at bigint,
  p_streams text[], p_expected integer[], p_counts integer[], p_states text[], p_due bigint[],
  p_exclusive text[], p_keep_exclusive boolean[], p_audience text[], p_keep_audience boolean[], p_parent text[],
  p_entry_streams text[], p_entry_versions integer[], p_entry_offsets integer[], p_entry_lengths integer[],
  p_entry_bytes bytea,
  p_read_streams text[], p_read_versions integer[],
  p_wake text[],
  out outcome text, out conflict text, out held_by text, out clock bigint
) language plpgsql volatile as $$
declare
  floor_at bigint;
begin
  clock := headgate.clock_ms();
  outcome := 'done';

  perform case when l.alone then pg_advisory_xact_lock(l.key) else pg_advisory_xact_lock_shared(l.key) end
  from (
    select w.key, bool_or(w.alone) as alone from (
      select hashtextextended(s, 7261) as key, true as alone from unnest(p_streams) s
      union all
      select hashtextextended(s, 7261), false from unnest(p_read_streams) s
      union all
      select hashtextextended('exclusive ' || e, 7261), true from unnest(p_exclusive) e where e is not null
    ) w group by w.key order by w.key
  ) l;

  select x.stream into conflict
  from unnest(p_streams || p_read_streams, p_expected || p_read_versions) with ordinality as x(stream, version, place)
  left join headgate.stream r on r.stream = x.stream
  where coalesce(r.version, 0) <> x.version
  order by x.place limit 1;
  if found then
    outcome := 'version';
    return;
  end if;

  if cardinality(array_remove(p_exclusive, null)) > 0 then
    with after as (
      select w.stream, case when w.keep then r.exclusive else w.exclusive end as exclusive, w.place
      from unnest(p_streams, p_exclusive, p_keep_exclusive) with ordinality as w(stream, exclusive, keep, place)
      left join headgate.stream r on r.stream = w.stream
    )
    select a.stream, h.stream into conflict, held_by
    from after a, lateral (
      select r.stream from headgate.stream r where r.exclusive = a.exclusive and r.stream <> all (p_streams)
      union all
      select b.stream from after b where b.exclusive = a.exclusive and b.place < a.place
    ) h
    order by a.place limit 1;
    if found then
      outcome := 'exclusive';
      return;
    end if;
  end if;

  if cardinality(p_entry_streams) > 0 then
    select coalesce(max(r.last_at), 0) into floor_at
    from headgate.stream r where r.stream = any (p_streams);
    if p_at > greatest(clock, floor_at) or p_at < greatest(clock - 1000, floor_at) then
      outcome := 'clock';
      clock := greatest(headgate.clock_ms(), floor_at);
      return;
    end if;
  end if;

  if cardinality(p_streams) > 1 and cardinality(array_remove(p_exclusive, null)) > 0 then
    -- Keys that change hands in this commit: let go before they are taken.
    update headgate.stream r set exclusive = null
    from unnest(p_streams, p_exclusive, p_keep_exclusive) as w(stream, exclusive, keep)
    where r.stream = w.stream and not w.keep and r.exclusive is not null and r.exclusive is distinct from w.exclusive;
  end if;

  update headgate.stream r set
    version = w.expected + w.entries,
    state = case when w.entries = 0 then r.state else w.state::json end,
    due_at = w.due_at,
    claimed_until = null,
    exclusive = case when w.keep_exclusive then r.exclusive else w.exclusive end,
    audience = case when w.keep_audience then r.audience else w.audience end,
    queued_at = case
      when w.keep_audience or r.audience is not distinct from w.audience then r.queued_at
      when w.audience is null then null
      else clock end,
    last_at = case when w.entries = 0 then r.last_at else p_at end
  from unnest(p_streams, p_expected, p_counts, p_states, p_due, p_exclusive, p_keep_exclusive, p_audience, p_keep_audience)
    as w(stream, expected, entries, state, due_at, exclusive, keep_exclusive, audience, keep_audience)
  where r.stream = w.stream and w.expected > 0;

  if 0 = any (p_expected) then
    insert into headgate.stream (stream, version, state, due_at, exclusive, audience, queued_at, parent, last_at)
    select w.stream, w.entries, w.state::json, w.due_at, w.exclusive, w.audience,
      case when w.audience is null then null else clock end, w.parent, p_at
    from unnest(p_streams, p_expected, p_counts, p_states, p_due, p_exclusive, p_audience, p_parent)
      as w(stream, expected, entries, state, due_at, exclusive, audience, parent)
    where w.expected = 0;
  end if;

  if cardinality(p_entry_streams) > 0 then
    with appended as (
      insert into headgate.entry (stream, version, bytes)
      select e.stream, e.version, substring(p_entry_bytes from e.start for e.length)
      from unnest(p_entry_streams, p_entry_versions, p_entry_offsets, p_entry_lengths)
        with ordinality as e(stream, version, start, length, place)
      order by e.place
      returning id
    )
    insert into headgate.entry_waiting (entry) select id from appended;
  end if;

  if cardinality(p_wake) > 0 then
    insert into headgate.wake (stream, at)
    select distinct r.stream, clock from headgate.stream r where r.stream = any (p_wake);
  end if;
end $$;
`;
