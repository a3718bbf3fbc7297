/**
 * A commit that rests on lists: on what was in them, and on what wasn't. Rows are never removed and versions only rise, so the
 * count of rows and the sum of their versions tell of any change. Such commits stand in line behind a lock of their own, taken
 * before the commit's own and by nobody after them: two that would each change what the other rests on never both happen. One
 * that rests on no list and is seen too late to count comes after this one, as if it had been asked for then.
 */
import { commit } from './0003-commit.ts';

/** The parameters of `headgate.commit` as they are since 0008, taken from where they stand. */
const PARAMETERS = commit.slice(commit.indexOf('p_at bigint'), commit.indexOf('  out outcome'));
const NAMES = [...PARAMETERS.matchAll(/p_\w+/g)].map(([name]) => name);

export const listsRead = `
create function headgate.commit_on_lists(
  p_under text[], p_rows bigint[], p_versions bigint[],
  ${PARAMETERS}  p_known integer, p_formats integer[],
  out outcome text, out conflict text, out held_by text, out clock bigint
) language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('on lists', 7261));
  select l.under into conflict
  from unnest(p_under, p_rows, p_versions) with ordinality as l(under, rows, versions, place), lateral (
    select count(*) as rows, coalesce(sum(r.version), 0) as versions from headgate.stream r
    where r.stream >= l.under and r.stream < l.under || chr(1114111)
  ) now
  where (now.rows, now.versions) is distinct from (l.rows, l.versions)
  order by l.place limit 1;
  if found then
    outcome := 'version';
    clock := headgate.clock_ms();
    return;
  end if;
  select c.outcome, c.conflict, c.held_by, c.clock into outcome, conflict, held_by, clock
  from headgate.commit(${NAMES.join(', ')}, p_known, p_formats) c;
end $$;
`;
