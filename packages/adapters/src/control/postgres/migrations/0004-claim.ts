/**
 * Claims what is due, oldest first. A claim needn't survive a crash of the database (the row is due again then, and
 * versions guard what the claimer commits), so it doesn't wait for the disk. Nothing waits for a row that somebody else
 * holds: it is skipped.
 */
export const claim = `
create function headgate.claim(p_limit integer, p_claim_ms bigint)
returns table (clock bigint, stream text, version integer, state json, due_at bigint)
language plpgsql volatile as $$
declare
  v_now bigint := headgate.clock_ms();
begin
  perform set_config('synchronous_commit', 'off', true);
  return query
  with woken as (
    select r.stream, w.at
    from (select k.stream, min(k.at) as at from headgate.wake k group by k.stream) w
    join headgate.stream r on r.stream = w.stream
    where coalesce(r.claimed_until, 0) <= v_now
    order by w.at
    limit p_limit
    for update of r skip locked
  ), due as (
    select r.stream, coalesce(r.claimed_until, r.due_at) as at
    from headgate.stream r
    where coalesce(r.claimed_until, r.due_at) <= v_now
    order by coalesce(r.claimed_until, r.due_at)
    limit p_limit
    for update skip locked
  ), picked as (
    select u.stream, min(u.at) as at
    from (select * from woken union all select * from due) u
    group by u.stream order by min(u.at), u.stream limit p_limit
  ), heard as (
    delete from headgate.wake k using picked p where k.stream = p.stream
  ), held as (
    update headgate.stream r set claimed_until = v_now + p_claim_ms
    from picked p where r.stream = p.stream
    returning r.stream, r.version, r.state, r.due_at, p.at
  )
  select v_now, h.stream, h.version, h.state, h.due_at from held h order by h.at, h.stream;
  if not found then
    return query select v_now, null::text, null::integer, null::json, null::bigint;
  end if;
end $$;
`;
