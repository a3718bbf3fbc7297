/**
 * The sequencer: takes waiting entries in the order of their commits and gives them their places, with all hashes, in one
 * transaction and one call. A lock lets one sequencer work at a time; the primary key on the place is the fence behind it.
 *
 * Ids rise with commits as far as anybody can tell: within a stream, and between commits of which one saw the other. An
 * entry whose transaction ends late is simply placed later: the queue holds it, and nothing skips it.
 */
export const log = `
create function headgate.log_place(p_limit integer) returns integer
language plpgsql volatile as $$
declare
  v_from bigint;
  v_to bigint;
  v_level integer := 0;
  v_placed integer;
begin
  if not pg_try_advisory_xact_lock(7261, 1) then
    return 0;
  end if;
  select coalesce(max(l.place) + 1, 0) into v_from from headgate.log_leaf l;

  with taken as (
    delete from headgate.entry_waiting q
    where q.entry in (select n.entry from headgate.entry_waiting n order by n.entry limit p_limit)
    returning q.entry
  )
  insert into headgate.log_leaf (place, entry, hash)
  select v_from + row_number() over (order by e.id) - 1, e.id, sha256('\\x00'::bytea || e.bytes)
  from taken t join headgate.entry e on e.id = t.entry;
  get diagnostics v_placed = row_count;

  v_to := v_from + v_placed;
  loop
    v_from := v_from / 2;
    v_to := v_to / 2;
    exit when v_from = v_to;
    if v_level = 0 then
      insert into headgate.log_node (level, index, hash)
      select 1, i, sha256('\\x01'::bytea || a.hash || b.hash)
      from generate_series(v_from, v_to - 1) i
      join headgate.log_leaf a on a.place = 2 * i
      join headgate.log_leaf b on b.place = 2 * i + 1;
    else
      insert into headgate.log_node (level, index, hash)
      select v_level + 1, i, sha256('\\x01'::bytea || a.hash || b.hash)
      from generate_series(v_from, v_to - 1) i
      join headgate.log_node a on a.level = v_level and a.index = 2 * i
      join headgate.log_node b on b.level = v_level and b.index = 2 * i + 1;
    end if;
    v_level := v_level + 1;
  end loop;
  return v_placed;
end $$;

-- The tree as it stands, and how far the signed heads go. Peaks are the complete subtrees, larger before smaller.
create function headgate.log_tree(out size bigint, out peaks bytea[], out head_size bigint)
language sql stable as $$
  with tree as (
    select coalesce((select max(place) + 1 from headgate.log_leaf), 0) as size
  )
  select t.size,
    coalesce((
      select array_agg(coalesce(
        (select n.hash from headgate.log_node n where n.level = l and n.index = (t.size >> l) - 1),
        (select f.hash from headgate.log_leaf f where l = 0 and f.place = t.size - 1)) order by l desc)
      from generate_series(0, 52) l where (t.size >> l) & 1 = 1
    ), '{}'),
    coalesce((select max(h.size) from headgate.log_head h), 0)
  from tree t
$$;
`;
