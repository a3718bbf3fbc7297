/**
 * Rows, entries, the tree and blobs. Times are whole milliseconds of the database's clock, as everywhere in Headgate.
 * `state` is json and not jsonb: it comes back as it was written, and may say whatever JSON can say.
 */
export const tables = `
create table headgate.stream (
  stream text collate "C" primary key check (position('/' in stream) > 1),
  kind text collate "C" not null generated always as (split_part(stream, '/', 1)) stored,
  version integer not null check (version >= 1),
  state json not null,
  due_at bigint,
  claimed_until bigint,
  exclusive text collate "C" unique,
  audience text collate "C",
  queued_at bigint,
  parent text collate "C",
  last_at bigint not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
comment on table headgate.stream is 'What runs: one row for each controlled thing, with the state that its entries led to';
comment on column headgate.stream.claimed_until is 'Held by a claimer until then; due again then whatever due_at says, because the claimer died';
comment on column headgate.stream.last_at is 'Time of the last entry: time in a stream never goes back';
create index stream_due on headgate.stream ((coalesce(claimed_until, due_at)))
  where coalesce(claimed_until, due_at) is not null;
create index stream_queue on headgate.stream (audience, queued_at) where audience is not null;
create index stream_kind on headgate.stream (kind, stream);
create index stream_parent on headgate.stream (parent, kind, stream) where parent is not null;

-- A wake is a row of its own and not a column: a thousand rollouts that wake one promotion must not queue for its row,
-- and a wake that comes while the row is claimed outlives the commit.
create table headgate.wake (
  stream text collate "C" not null,
  at bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create index wake_stream on headgate.wake (stream, at);

create table headgate.entry (
  id bigint generated always as identity primary key,
  stream text collate "C" not null,
  version integer not null check (version >= 1),
  bytes bytea not null check (octet_length(bytes) between 1 and 65535),
  unique (stream, version)
);
comment on table headgate.entry is 'What proves: the canonical bytes of every event, append-only';

create table headgate.entry_waiting (
  entry bigint primary key
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
comment on table headgate.entry_waiting is 'Entries that have no place on the tree yet';

create table headgate.log_leaf (
  place bigint primary key check (place >= 0),
  entry bigint not null unique,
  hash bytea not null check (octet_length(hash) = 32)
);
create table headgate.log_node (
  level smallint not null check (level between 1 and 62),
  index bigint not null check (index >= 0),
  hash bytea not null check (octet_length(hash) = 32),
  primary key (level, index)
);
comment on table headgate.log_node is 'Complete subtrees above the leaves: level, index from the left (RFC 9162)';
create table headgate.log_head (
  size bigint primary key check (size > 0),
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  at bigint not null
);

create table headgate.blob (
  digest text collate "C" primary key check (digest ~ '^sha256:[0-9a-f]{64}$'),
  bytes bytea not null
);
alter table headgate.blob alter column bytes set storage external;

create table headgate.meta (
  only_row boolean primary key default true check (only_row),
  epoch integer not null check (epoch >= 1)
);
insert into headgate.meta (epoch) values (1);

create function headgate.clock_ms() returns bigint language sql volatile as
  'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint';
`;
