/**
 * Cells in which something is known to be wrong, found without reading all others: whoever looks at an incident must see a
 * held tenant however many cells there are. A generated column like those of 0006; `isTroubled` of the store's port says the
 * same. Names can't forge what it looks for: a name is followed by a mapping there, never by `true` or by a list.
 */
export const troubled = `
alter table headgate.stream
  add column troubled boolean generated always as (
    case split_part(stream, '/', 1) when 'cell' then
      state ->> 'uncertain' = 'true'
      or coalesce(state #>> '{observed,state,tenants}', '') like '%"held":true%'
      or coalesce(state #>> '{observed,state,stores}', '') like '%"drift":[%' end) stored;
comment on column headgate.stream.troubled is 'Whether a cell is uncertain, or was seen with a held tenant or with drift';
create index stream_troubled on headgate.stream (kind, troubled, stream) where troubled;
`;
