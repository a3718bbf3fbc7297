/**
 * When a row was made, so that promotions and releases are listed by time and not by random ids. A default, and no value that
 * somebody writes: an older build inserts rows without knowing of it, and they stand in their place all the same. Rows of
 * before get the time of their first entry, which canonical JSON begins with.
 *
 * One index a filter, each of one kind alone: the statements name the kind, because one plan serves all parameters. What they
 * are of changes a few times in a promotion's life (its phase) or never, so heap-only updates stay what they are.
 */
const FIRST_ENTRYS_TIME = `(substring(encode(substring(e.bytes from 1 for 30), 'escape') from '^[{]"at":([0-9]+)'))::bigint`;

const time = `
alter table headgate.stream
  add column made_at bigint,
  add column application text collate "C" generated always as (
    case split_part(stream, '/', 1) when 'promotion' then state ->> 'application' end) stored,
  add column phase text collate "C" generated always as (
    case split_part(stream, '/', 1) when 'promotion' then state ->> 'phase' end) stored,
  add column seen_by text collate "C" generated always as (
    case split_part(stream, '/', 1) when 'cell' then state #>> '{observed,by}' end) stored,
  add column seen_at bigint generated always as (
    case split_part(stream, '/', 1) when 'cell' then (state #>> '{observed,at}')::bigint end) stored;
update headgate.stream r set made_at = coalesce(
  (select ${FIRST_ENTRYS_TIME} from headgate.entry e where e.stream = r.stream and e.version = 1), r.last_at)
where r.kind in ('promotion', 'release', 'delivery');
alter table headgate.stream
  alter column made_at set default headgate.clock_ms(),
  add constraint stream_made_at check (made_at is not null or kind not in ('promotion', 'release'));
comment on column headgate.stream.made_at is 'When the row was made; absent of older rows of kinds that nobody lists by time';
comment on column headgate.stream.application is 'The application of a promotion';
comment on column headgate.stream.phase is 'The phase of a promotion';
comment on column headgate.stream.seen_at is 'When an agent last said what it sees in a cell: each scrape asks, and a thousand cells'' states are megabytes to read';
create index promotion_made on headgate.stream (made_at, stream) where kind = 'promotion';
create index promotion_open on headgate.stream (made_at, stream) where kind = 'promotion' and open;
create index promotion_of_environment on headgate.stream (facet, made_at, stream) where kind = 'promotion';
create index promotion_of_application on headgate.stream (application, made_at, stream) where kind = 'promotion';
create index promotion_in_phase on headgate.stream (phase, made_at, stream) where kind = 'promotion';
create index release_made on headgate.stream (made_at, stream) where kind = 'release';
create index release_of_application on headgate.stream (facet, made_at, stream) where kind = 'release';
create index delivery_unsent on headgate.stream (made_at) where kind = 'delivery' and due_at is not null;
`;

/**
 * How many promotions ended how, counted as they end: a count over all that ever ended would cost more each day. In the
 * database, so that what an older build ends is counted, too; with the owner's rights, so that no role needs more of them.
 */
const tally = `
create table headgate.promotions_ended (
  environment text collate "C" not null,
  application text collate "C" not null,
  result text collate "C" not null,
  count bigint not null,
  primary key (environment, application, result)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
comment on table headgate.promotions_ended is 'Promotions that ended, by how they did';
insert into headgate.promotions_ended (environment, application, result, count)
select coalesce(facet, ''), coalesce(application, ''), coalesce(state ->> 'result', ''), count(*)
from headgate.stream where kind = 'promotion' and ended_at is not null group by 1, 2, 3;
create function headgate.count_ended() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  insert into headgate.promotions_ended as t (environment, application, result, count)
  values (coalesce(new.facet, ''), coalesce(new.application, ''), coalesce(new.state ->> 'result', ''), 1)
  on conflict (environment, application, result) do update set count = t.count + 1;
  return null;
end $$;
revoke execute on function headgate.count_ended() from public;
create trigger count_ended_at_once after insert on headgate.stream
  for each row when (new.ended_at is not null) execute function headgate.count_ended();
create trigger count_ended after update on headgate.stream
  for each row when (old.ended_at is null and new.ended_at is not null) execute function headgate.count_ended();
`;

export const made = `${time}${tally}`;
