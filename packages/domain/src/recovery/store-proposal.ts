/**
 * A proposal to put a store back in its own place as it was at a moment: what is there now, what was there then, and so what would
 * be lost. People approve its digest, and nothing else is applied.
 */
import type { Digest, Instant } from '../model/identity.ts';
import { othersYes, type SignedYes } from '../model/others-yes.ts';
import { type Refusal, refused } from '../model/refusal.ts';
import { named } from '../plan/render-words.ts';
import { otherLines, otherParts, type PartDigests, type ProposedOther } from './beside-rows.ts';
import { type ProposedTenant, tenantLines } from './proposed-tenant.ts';

/** One of the two stores, as it was when they were compared. */
export interface ProposedSide {
  /** PostgreSQL's own number of the cluster: both have the same. */
  readonly system: string;
  readonly timeline: number;
  readonly lsn: string;
  readonly schemaVersion: number;
  /** Of the rows and sums of all tables: two that are equal have the same rows. */
  readonly census: Digest;
  readonly tables: number;
  /** Of all that isn't a row of those. Absent: in proposals of before, which compared rows alone. */
  readonly beside?: PartDigests;
  readonly at: Instant;
}

/** A table that isn't now what it was then. */
export interface ProposedTable {
  readonly table: string;
  /** Rows now, and then. Absent: there is no such table. */
  readonly rowsNow?: number;
  readonly rowsThen?: number;
  /** Rows that stand now and don't come back so, and rows of then that don't stand now. One that changed is both. */
  readonly lost: number;
  readonly back: number;
  /** Columns of now that go away with all that is in them, and of then that come back. */
  readonly lostColumns: readonly string[];
  readonly backColumns: readonly string[];
}

export interface StoreProposal {
  readonly environment: string;
  readonly cell: string;
  readonly store: string;
  /** In words, as a sentence goes on: back to … */
  readonly moment: string;
  readonly point: string;
  /** When the newest transaction was committed that is kept; absent: none after the restore point. */
  readonly keptAt?: Instant;
  /** The first transaction that is lost, where recovery ended before one. */
  readonly firstLost?: { readonly xid: string; readonly at: Instant };
  readonly live: ProposedSide;
  readonly was: ProposedSide;
  /** Those that differ. */
  readonly tables: readonly ProposedTable[];
  /** What else differs, and how much of it there is: the file has room for so many. Absent as `beside` is. */
  readonly others?: readonly ProposedOther[];
  readonly othersInAll?: number;
  /** Other databases of the store's cluster, which go back with it; without those that every cluster has. Absent as `beside` is. */
  readonly databases?: readonly string[];
  /** Everybody who lives in it: all of them go back. */
  readonly tenants: readonly string[];
  /** What serves them, and on which schema versions it runs. */
  readonly serving: readonly {
    readonly slot: string;
    readonly version: string;
    readonly min: number;
    readonly max: number;
  }[];
  /** Folders of files beside the database, which stay as they are. */
  readonly files: readonly string[];
  /** Absent: it is no tenant of Odoo, and the whole of a PostgreSQL goes back. */
  readonly odoo?: ProposedTenant;
  /** Where the store of then lies. */
  readonly place: string;
  readonly by: string;
  readonly because: string;
  readonly madeAt: Instant;
}

export interface ProposalApproval extends SignedYes {
  readonly proposal: Digest;
}

/** What isn't as it was compared, in words: its rows, or what is beside them. Empty: all of it is. */
export function changedIn(
  found: Pick<ProposedSide, 'census' | 'beside'>,
  promised: Pick<ProposedSide, 'census' | 'beside'>,
): readonly string[] {
  return [...(found.census === promised.census ? [] : ['rows']), ...otherParts(found.beside, promised.beside)];
}

/** Why a proposal isn't begun any more that compared rows alone; undefined: it compared all there is. */
export function comparedTooLittle({ cell, store, live, was }: StoreProposal): Refusal | undefined {
  if (live.beside !== undefined && was.beside !== undefined) return undefined;
  return refused(
    'proposal-too-old',
    'put this store back',
    `${cell}/${store}`,
    'the proposal was made before Headgate compared what a store has beside rows (sequences, roles, functions, large objects, unlogged tables, other databases): nobody was shown what of that is lost',
    'propose anew with this version, and have that approved',
  ).refusal;
}

export function rowsLost({ tables }: Pick<StoreProposal, 'tables'>): { readonly lost: number; readonly back: number } {
  return {
    lost: tables.reduce((sum, { lost }) => sum + lost, 0),
    back: tables.reduce((sum, { back }) => sum + back, 0),
  };
}

/** Which of what serves can't run on the store of then. */
export function unfitFor({ serving, was }: Pick<StoreProposal, 'serving' | 'was'>): StoreProposal['serving'] {
  return serving.filter(({ min, max }) => was.schemaVersion < min || was.schemaVersion > max);
}

/** One approval has to count: of this digest, in force, and neither of who applies it nor of who proposed it. */
export function judgeProposalApproval(
  { cell, store, by }: Pick<StoreProposal, 'cell' | 'store' | 'by'>,
  digest: Digest,
  approvals: readonly ProposalApproval[],
  runs: string,
  now: Instant,
): { readonly ok: true; readonly approval: ProposalApproval } | { readonly ok: false; readonly refusal: Refusal } {
  const words = { thing: 'proposal', made: 'proposed' };
  const subjectOf = ({ proposal }: ProposalApproval): Digest => proposal;
  const judged = othersYes({ approvals, subjectOf, digest, madeBy: by, runs, now, words });
  if (judged.ok) return judged;
  return refused(
    'approval-missing',
    'put this store back',
    `${cell}/${store}`,
    judged.why,
    'have somebody who neither proposed nor applies it sign, on a machine of their own: `headgate recover-store approve FILE --key KEY --approver ID --out APPROVAL`, with a key that the agent’s trust file lists for them; then give it here with `--approval`',
  );
}

/** So many tables are spelled out, those that lose most first; all of them stand in the proposal's file. */
const MOST_TOLD = 50;

/** As people read it before they say yes. */
export function storeProposalLines(proposal: StoreProposal, digest: Digest): readonly string[] {
  const { environment, cell, store, moment, point, keptAt, firstLost, live, was, tables, tenants } = proposal;
  const { lost, back } = rowsLost(proposal);
  const told = tables.toSorted((a, b) => b.lost - a.lost || (a.table < b.table ? -1 : 1)).slice(0, MOST_TOLD);
  const kept = keptAt === undefined ? `none after ${point}` : time(keptAt);
  const equal = live.tables - tables.filter(({ rowsNow }) => rowsNow !== undefined).length;
  return [
    `The store ${store} of the cell ${cell} (${environment}) goes back IN PLACE, to ${moment}.`,
    `Everything that was written since is lost, of every tenant in it: ${named(tenants)}.`,
    '',
    ...told.flatMap(tableLines),
    ...(tables.length > told.length ? [`and ${count(tables.length - told.length, 'table')} more (see the file)`] : []),
    ...(tables.length === 0 ? ['No table differs: no row would be lost.'] : []),
    '',
    ...(proposal.others === undefined ? [] : [...otherLines(proposal.others, proposal.othersInAll ?? 0), '']),
    `${count(lost, 'row')} of now lost, ${count(back, 'row')} of then back (one that changed counts as both); ${count(equal, 'table')} the same.`,
    `newest transaction kept   ${kept}${proposal.odoo === undefined ? '' : ' (of any tenant of that PostgreSQL)'}`,
    ...(firstLost === undefined ? [] : [`first transaction lost    ${firstLost.xid}, ${time(firstLost.at)}`]),
    `schema                    ${live.schemaVersion} now, ${was.schemaVersion} then`,
    ...(proposal.databases === undefined || proposal.databases.length === 0
      ? []
      : [`databases                 ${named(proposal.databases)}: of the same cluster, so they go back as well`]),
    ...servingLines(proposal),
    ...(proposal.files.length === 0
      ? []
      : [`files                     ${named(proposal.files)}: they stay as they are now`]),
    ...(proposal.odoo === undefined ? [] : tenantLines(proposal.odoo)),
    '',
    `because     ${proposal.because}`,
    `proposed    by ${proposal.by}, ${time(proposal.madeAt)}`,
    `now         cluster ${live.system}, timeline ${live.timeline}, LSN ${live.lsn}, ${time(live.at)}`,
    `then        from ${point}, timeline ${was.timeline}, in ${proposal.place}`,
    `proposal    ${digest}`,
  ];
}

function tableLines({
  table,
  rowsNow,
  rowsThen,
  lost,
  back,
  lostColumns,
  backColumns,
}: ProposedTable): readonly string[] {
  const rows = (n: number | undefined): string => (n === undefined ? 'no such table' : n.toLocaleString('en-US'));
  return [
    `${table}: ${rows(rowsNow)} → ${rows(rowsThen)}${rowsNow === undefined || rowsThen === undefined ? '' : ' rows'}`,
    `  ${count(lost, 'row')} lost or otherwise, ${count(back, 'row')} back`,
    ...(lostColumns.length === 0 ? [] : [`  goes away with all that is in it: ${named(lostColumns)}`]),
    ...(backColumns.length === 0 ? [] : [`  comes back: ${named(backColumns)}`]),
  ];
}

function servingLines(proposal: StoreProposal): readonly string[] {
  const unfit = new Set(unfitFor(proposal).map(({ slot }) => slot));
  return proposal.serving.map(
    ({ slot, version, min, max }) =>
      `serves                    ${version} in ${slot}, for schema ${min} to ${max}${unfit.has(slot) ? ': it can NOT run on that' : ''}`,
  );
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

function time(at: Instant): string {
  return new Date(at).toISOString();
}
