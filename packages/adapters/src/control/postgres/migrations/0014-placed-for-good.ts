/**
 * What was committed comes to the log, whatever the application's role does: each entry is put in line by a trigger, and only the
 * sequencer's function, which works with the owner's rights, takes it out again and gives it its place. A head is taken only
 * with the root that the tree has, and while the tree still has the one that was signed before.
 *
 * Nodes follow from the leaves. One that stands where no subtree is complete, or that isn't there, stops the sequencer with the
 * code HG001, which says which it is; `headgate.log_mend…` make such nodes anew from what is below them.
 *
 * An expand step: code of before calls the same functions. It commits, places and publishes with the rights that are left.
 */
import { log } from './0005-log.ts';

/** Names are written with their schema everywhere; nothing of the caller's is found by one. */
const AS_OWNER = 'security definer set search_path = pg_catalog, pg_temp';

const place = rewritten(log.slice(0, log.indexOf('-- The tree as it stands')), [
  ['create function', 'create or replace function'],
  ['language plpgsql volatile as', `language plpgsql volatile ${AS_OWNER} as`],
  ['  v_placed integer;\n', '  v_placed integer;\n  v_rows bigint;\n  v_stray text;\n'],
  [
    '  from taken t join headgate.entry e on e.id = t.entry;\n',
    `  from taken t join headgate.entry e on e.id = t.entry
  -- One look into the index for each; a join would read all leaves.
  where (select l.place from headgate.log_leaf l where l.entry = e.id) is null;\n`,
  ],
  [
    '  v_to := v_from + v_placed;\n',
    `  if v_placed = 0 then
    return 0;
  end if;
  select s.level || '/' || s.index into v_stray from headgate.log_strays(v_from) s limit 1;
  if found then
    raise exception 'the log''s node % (level/index) stands where no subtree is complete', v_stray using errcode = 'HG001',
      hint = 'nodes follow from the leaves: select * from headgate.log_mend_strays()';
  end if;
  v_to := v_from + v_placed;\n`,
  ],
  [
    '    v_level := v_level + 1;\n',
    `    get diagnostics v_rows = row_count;
    v_level := v_level + 1;
    if v_rows <> v_to - v_from then
      raise exception 'a node of the log below level % at % to % isn''t there', v_level, v_from, v_to - 1 using errcode = 'HG001',
        hint = 'nodes follow from the leaves: select * from headgate.log_mend()';
    end if;\n`,
  ],
]);

const strays = `
-- Nodes above a tree of so many leaves that no subtree of its leaves has. One look into the index for each level.
create function headgate.log_strays(p_size bigint) returns table (level integer, index bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select l, n.index from generate_series(1, 62) l, lateral (
    select n.index from headgate.log_node n where n.level = l::smallint and n.index >= p_size >> l order by n.index limit 1000
  ) n
$$;
`;

const mend = `
-- Takes out nodes and puts others in their stead: these alone are derived, so these alone may be made anew.
create function headgate.log_put_nodes(p_level integer, p_wrong bigint[], p_right bigint[], p_hashes bytea[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  alter table headgate.log_node disable trigger append_only;
  delete from headgate.log_node n where n.level = p_level::smallint and n.index = any (p_wrong);
  alter table headgate.log_node enable trigger append_only;
  insert into headgate.log_node (level, index, hash)
  select p_level, r.index, r.hash from unnest(p_right, p_hashes) as r(index, hash);
end $$;

create function headgate.log_mend_strays() returns table (level integer, index bigint)
language plpgsql volatile ${AS_OWNER} as $$
#variable_conflict use_column
declare
  v_found record;
begin
  perform pg_advisory_xact_lock(7261, 1);
  for v_found in
    select s.level, array_agg(s.index) as indexes
    from headgate.log_strays((select coalesce(max(l.place) + 1, 0) from headgate.log_leaf l)) s group by s.level
  loop
    perform headgate.log_put_nodes(v_found.level, v_found.indexes, '{}', '{}');
    return query select v_found.level, i from unnest(v_found.indexes) i;
  end loop;
end $$;

-- Makes all nodes anew that aren't what the level below gives, and says which they were. All or none: where the tree that
-- comes of it isn't the one that was signed, what is below was rewritten, and nodes that still say so are worth keeping.
create function headgate.log_mend() returns table (level integer, index bigint)
language plpgsql volatile ${AS_OWNER} as $$
#variable_conflict use_column
declare
  v_level integer := 1;
  v_nodes bigint;
  v_wrong bigint[];
  v_hashes bytea[];
  v_size bigint;
  v_root bytea;
begin
  perform pg_advisory_xact_lock(7261, 1);
  select coalesce(max(l.place) + 1, 0) / 2 into v_nodes from headgate.log_leaf l;
  while v_nodes > 0 loop
    select coalesce(array_agg(d.index order by d.index), '{}'), coalesce(array_agg(d.hash order by d.index), '{}')
    into v_wrong, v_hashes
    from (
      select a.index / 2 as index, sha256('\\x01'::bytea || a.hash || b.hash) as hash
      from (
        select l.place as index, l.hash from headgate.log_leaf l where v_level = 1
        union all
        select n.index, n.hash from headgate.log_node n where n.level = (v_level - 1)::smallint
      ) a, lateral (
        select l.hash from headgate.log_leaf l where v_level = 1 and l.place = a.index + 1
        union all
        select n.hash from headgate.log_node n where n.level = (v_level - 1)::smallint and n.index = a.index + 1
      ) b
      where a.index % 2 = 0
    ) d left join headgate.log_node n on n.level = v_level::smallint and n.index = d.index
    where n.hash is distinct from d.hash;
    if cardinality(v_wrong) > 0 then
      perform headgate.log_put_nodes(v_level, v_wrong, v_wrong, v_hashes);
      return query select v_level, i from unnest(v_wrong) i;
    end if;
    v_level := v_level + 1;
    v_nodes := v_nodes / 2;
  end loop;
  select h.size, h.root into v_size, v_root from headgate.log_head h order by h.size desc limit 1;
  if found and v_root is distinct from headgate.log_root(v_size) then
    raise exception 'the leaves don''t give the tree any more that was signed for % entries', v_size using errcode = 'HG001';
  end if;
end $$;
`;

const lined = `
create function headgate.put_in_line() returns trigger language plpgsql ${AS_OWNER} as $$
begin
  -- A commit puts its entries in line itself; this is for whoever doesn't.
  insert into headgate.entry_waiting (entry) select a.id from added a on conflict do nothing;
  return null;
end $$;
create trigger in_line after insert on headgate.entry referencing new table as added
  for each statement execute function headgate.put_in_line();
`;

const head = `
-- The root of the tree of the first so many leaves, from its complete subtrees; null where one isn't there.
create function headgate.log_root(p_size bigint) returns bytea
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_root bytea;
  v_peak bytea;
begin
  for l in 0..52 loop
    continue when (p_size >> l) & 1 = 0;
    if l = 0 then
      select f.hash into v_peak from headgate.log_leaf f where f.place = p_size - 1;
    else
      select n.hash into v_peak from headgate.log_node n where n.level = l::smallint and n.index = (p_size >> l) - 1;
    end if;
    if v_peak is null then
      return null;
    end if;
    v_root := case when v_root is null then v_peak else sha256('\\x01'::bytea || v_peak || v_root) end;
  end loop;
  return v_root;
end $$;

create function headgate.check_head() returns trigger language plpgsql ${AS_OWNER} as $$
declare
  v_size bigint;
  v_root bytea;
begin
  if new.root is distinct from headgate.log_root(new.size) then
    raise exception 'the tree of % entries doesn''t have the root that was to be signed', new.size using errcode = 'HG001';
  end if;
  select h.size, h.root into v_size, v_root from headgate.log_head h where h.size < new.size order by h.size desc limit 1;
  if found and v_root is distinct from headgate.log_root(v_size) then
    raise exception 'the tree doesn''t have the root any more that was signed for % entries', v_size using errcode = 'HG001';
  end if;
  return new;
end $$;
create trigger check_head before insert on headgate.log_head for each row execute function headgate.check_head();
`;

export const placedForGood = `${strays}${place}${mend}${lined}${head}`;

/** A function of before with these texts changed; each stands there exactly once. */
function rewritten(sql: string, changes: readonly (readonly [find: string, replace: string])[]): string {
  return changes.reduce((text, [find, replace]) => {
    if (text.split(find).length !== 2) throw new Error(`a migration rests on a text that isn't there once: ${find}`);
    return text.replace(find, () => replace);
  }, sql);
}
