/**
 * Several builds of Headgate on one database. A row says the lowest format that code must know to decide on it; older code
 * neither claims nor offers such a row, and a commit of its that writes one, or rests on one, changes nothing. Each server
 * says that it is there, so that a step that takes something away from older code can wait for them to be gone.
 *
 * The functions of before stay for whoever still calls them, as code of format 1.
 */
import { commit } from './0003-commit.ts';
import { claim } from './0004-claim.ts';

const tables = `
alter table headgate.stream add column format integer not null default 1 check (format >= 1);
comment on column headgate.stream.format is 'The lowest format that code must know to decide on this row';
create index stream_format on headgate.stream (format) where format > 1;
create table headgate.server (
  id text collate "C" primary key,
  version text not null,
  knows integer not null,
  format integer not null,
  started_at bigint not null,
  seen_at bigint not null
);
comment on table headgate.server is 'Servers that are there: a row that was not renewed within its lease counts for nothing';
`;

const commitOfFormat = rewritten(commit, [
  ['  p_wake text[],\n', '  p_wake text[],\n  p_known integer, p_formats integer[],\n'],
  ['declare\n', 'declare\n  stale boolean;\n'],
  [
    '  select x.stream into conflict\n',
    '  select x.stream, coalesce(r.version, 0) <> x.version into conflict, stale\n',
  ],
  ['where coalesce(r.version, 0) <> x.version\n', 'where coalesce(r.version, 0) <> x.version or r.format > p_known\n'],
  ["    outcome := 'version';\n", "    outcome := case when stale then 'version' else 'format' end;\n"],
  [
    '    claimed_until = null,\n',
    '    claimed_until = null,\n    format = case when w.entries = 0 then r.format else w.format end,\n',
  ],
  [
    'p_exclusive, p_keep_exclusive, p_audience, p_keep_audience)\n',
    'p_exclusive, p_keep_exclusive, p_audience, p_keep_audience, p_formats)\n',
  ],
  ['keep_exclusive, audience, keep_audience)\n  where', 'keep_exclusive, audience, keep_audience, format)\n  where'],
  ['queued_at, parent, last_at)\n', 'queued_at, parent, last_at, format)\n'],
  ['w.parent, p_at\n', 'w.parent, p_at, w.format\n'],
  ['p_exclusive, p_audience, p_parent)\n', 'p_exclusive, p_audience, p_parent, p_formats)\n'],
  [
    'exclusive, audience, parent)\n    where w.expected = 0',
    'exclusive, audience, parent, format)\n    where w.expected = 0',
  ],
]);

/** A promotion that older code can't decide on decides for its rollouts, too. */
const KNOWN = `r.format <= p_known
      and coalesce((select p.format from headgate.stream p where p.stream = r.parent), 1) <= p_known`;

const claimOfFormat = rewritten(claim, [
  ['(p_limit integer, p_claim_ms bigint)', '(p_limit integer, p_claim_ms bigint, p_known integer)'],
  ['where coalesce(r.claimed_until, 0) <= v_now\n', `where coalesce(r.claimed_until, 0) <= v_now and ${KNOWN}\n`],
  [
    'where coalesce(r.claimed_until, r.due_at) <= v_now\n',
    `where coalesce(r.claimed_until, r.due_at) <= v_now and ${KNOWN}\n`,
  ],
]);

const before = `
create or replace function headgate.commit(
  p_at bigint,
  p_streams text[], p_expected integer[], p_counts integer[], p_states text[], p_due bigint[],
  p_exclusive text[], p_keep_exclusive boolean[], p_audience text[], p_keep_audience boolean[], p_parent text[],
  p_entry_streams text[], p_entry_versions integer[], p_entry_offsets integer[], p_entry_lengths integer[],
  p_entry_bytes bytea,
  p_read_streams text[], p_read_versions integer[],
  p_wake text[],
  out outcome text, out conflict text, out held_by text, out clock bigint
) language sql volatile as $$
  select * from headgate.commit(p_at, p_streams, p_expected, p_counts, p_states, p_due, p_exclusive, p_keep_exclusive,
    p_audience, p_keep_audience, p_parent, p_entry_streams, p_entry_versions, p_entry_offsets, p_entry_lengths,
    p_entry_bytes, p_read_streams, p_read_versions, p_wake, 1, array_fill(1, array[cardinality(p_streams)]))
$$;
create or replace function headgate.claim(p_limit integer, p_claim_ms bigint)
returns table (clock bigint, stream text, version integer, state json, due_at bigint)
language sql volatile as 'select * from headgate.claim(p_limit, p_claim_ms, 1)';
`;

export const sideBySide = `${tables}${commitOfFormat}${claimOfFormat}${before}`;

/** A function of before with these texts changed; each stands there exactly once. */
function rewritten(sql: string, changes: readonly (readonly [find: string, replace: string])[]): string {
  return changes.reduce((text, [find, replace]) => {
    if (text.split(find).length !== 2) throw new Error(`a migration rests on a text that isn't there once: ${find}`);
    return text.replace(find, () => replace);
  }, sql);
}
