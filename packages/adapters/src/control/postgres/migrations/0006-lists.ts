/**
 * What lists are filtered by, kept beside the state: with 5,000 releases and as many promotions a filter that is applied
 * after a page was read makes empty pages, and one that reads the states of all rows reads them for every look.
 *
 * Generated columns, not indexes on expressions: an index over `state` would end heap-only updates of every row, since the
 * state changes with each entry; these change almost never. `facetOf` and `isOpen` of the store's port say the same.
 */
export const lists = `
alter table headgate.stream
  add column facet text collate "C" generated always as (
    case split_part(stream, '/', 1)
      when 'promotion' then state ->> 'environment'
      when 'rollout' then state ->> 'environment'
      when 'release' then state ->> 'application'
      when 'delivery' then state ->> 'rule'
      when 'cell' then coalesce(state #>> '{desired,environment}', state #>> '{observed,state,environment}')
    end) stored,
  add column open boolean generated always as (
    case split_part(stream, '/', 1) when 'promotion' then state ->> 'phase' <> 'ended' end) stored;
comment on column headgate.stream.facet is 'What a list of the kind is filtered by: the environment, the application, or the notification';
comment on column headgate.stream.open is 'Whether a promotion has yet to end';
create index stream_facet on headgate.stream (kind, facet, stream) where facet is not null;
create index stream_open on headgate.stream (kind, open, stream) where open;
`;
