/**
 * A commit that holds only while fewer than so many promotions that somebody asked for wait to begin. They are counted under a
 * lock of theirs alone, taken before the commit's own and by nobody after them, so two who ask at once never both take the
 * last place, whichever servers they ask. `hasBegun` of the domain says the same of a promotion.
 */
import { commit } from './0003-commit.ts';

/** The parameters of `headgate.commit` as they are since 0008, taken from where they stand. */
const PARAMETERS = commit.slice(commit.indexOf('p_at bigint'), commit.indexOf('  out outcome'));
const NAMES = [...PARAMETERS.matchAll(/p_\w+/g)].map(([name]) => name);

export const waiting = `
create function headgate.commit_waiting(
  p_of text, p_most integer,
  ${PARAMETERS}  p_known integer, p_formats integer[],
  out outcome text, out conflict text, out held_by text, out clock bigint
) language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('waiting ' || p_of, 7261));
  if p_most <= (
    select count(*) from headgate.stream r
    where r.kind = 'promotion' and r.phase = 'awaiting'
      and r.state ->> 'requester' = p_of and coalesce((r.state ->> 'wave')::integer, 0) = 0
  ) then
    outcome := 'waiting';
    conflict := 'principal/' || p_of;
    clock := headgate.clock_ms();
    return;
  end if;
  select c.outcome, c.conflict, c.held_by, c.clock into outcome, conflict, held_by, clock
  from headgate.commit(${NAMES.join(', ')}, p_known, p_formats) c;
end $$;
`;
