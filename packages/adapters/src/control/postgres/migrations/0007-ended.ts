/**
 * When a promotion ended: whoever looks at an incident asks what changed in the last hours, of all that ever ended. A generated
 * column like those of 0006, because it changes once in a promotion's life and so ends no heap-only update.
 */
export const ended = `
alter table headgate.stream
  add column ended_at bigint generated always as (
    case when split_part(stream, '/', 1) = 'promotion' and state ->> 'phase' = 'ended'
      then (state ->> 'at')::bigint end) stored;
comment on column headgate.stream.ended_at is 'When a promotion ended';
create index stream_ended on headgate.stream (kind, ended_at) where ended_at is not null;
`;
