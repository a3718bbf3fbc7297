import {
  answerCell,
  type CellRecord,
  type Deps,
  isReadBack,
  misfitSeen,
  type RecoveryRecord,
  readBackCell,
  streams,
} from '@headgate/control';
import { bewareOf, type CellAccount, gapInWords, type Instant, type Rollout, unreadCell } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { allRows } from '../paging.ts';
import { nameOf, showCell } from '../views.ts';

/** Cells that are looked at for a list of those that were not read back, and that it names. */
const MOST_CELLS = 20_000;
const MOST_UNREAD = 500;
/** Tenants of a cell that are named as held. */
const MOST_HELD = 50;

export function recoveryHandlers({
  deps,
  gatherers,
}: Context): Handlers<'readBackCell' | 'showRecovery' | 'answerCell'> {
  return {
    async readBackCell({ principal, input, body }) {
      const told = body as CellAccount;
      if (told.state.cell !== input.cell) {
        const why = `the path names ${input.cell}, the body ${told.state.cell}`;
        const refusal = { code: 'malformed', what: 'read a cell back', where: 'body/state/cell', why };
        return { ok: false, refusals: [{ ...refusal, unblock: 'name the same cell twice' }] };
      }
      const read = await readBackCell(deps, gatherers, principal, told);
      return read.ok ? { ok: true, value: showCell(deps, input.cell, read.value, principal) } : read;
    },
    async showRecovery() {
      const { store, epoch } = deps;
      const stream = streams.recovery(epoch);
      const record = (await store.load([stream])).get(stream)?.state as RecoveryRecord | undefined;
      if (record === undefined) return { ok: true, value: { epoch, recovery: null, unread: [], truncated: false } };
      const now = await store.now();
      const { rows, truncated } = await allRows<CellRecord>(store, 'cell', MOST_CELLS);
      const unread = rows.filter((row) => !isReadBack(deps, row.state));
      const { kept, lost, at, until, by, because, refuseTokens } = record;
      const said = { epoch, at, until, kept, by, because, refuseTokens, beware: [...bewareOf(refuseTokens)] };
      const shown = unread.slice(0, MOST_UNREAD);
      return {
        ok: true,
        value: {
          epoch,
          recovery: { ...said, lost: lost ?? null, gap: gapInWords({ kept, lost }) },
          unread: await Promise.all(shown.map((row) => showUnread(deps, nameOf(row.stream), row.state, record, now))),
          truncated: truncated || unread.length > shown.length,
        },
      };
    },
    async answerCell({ principal, input, body }) {
      const answered = await answerCell(deps, gatherers, principal, input.cell, body.answer, body.reason);
      return answered.ok ? { ok: true, value: showCell(deps, input.cell, answered.value, principal) } : answered;
    },
  };
}

async function showUnread(
  { store, epoch }: Deps,
  cell: string,
  record: CellRecord,
  recovery: RecoveryRecord,
  now: Instant,
): Promise<Shown<import('@headgate/contract').UnreadCell>> {
  const held = (await store.holder(streams.cell(cell)))?.state as Rollout | undefined;
  const asked = record.asked?.epoch === epoch ? record.asked : undefined;
  const mayAnswer = asked !== undefined || now >= recovery.until;
  const seen = record.observed !== undefined && record.observed.at >= recovery.at;
  const answers = [
    // What would be refused isn't proposed.
    ...(held === undefined && misfitSeen(record, recovery.at) !== undefined ? [] : (['as-remembered'] as const)),
    ...(seen ? (['as-seen'] as const) : []),
    ...(held === undefined ? [] : (['go-back'] as const)),
  ];
  return {
    cell,
    environment: record.desired?.environment ?? record.observed?.state.environment ?? '',
    asked: asked === undefined ? null : { finding: asked.finding, why: asked.why, at: asked.at },
    promotion: held?.promotion ?? null,
    ...unreadCell(asked, recovery),
    held: Object.entries(record.observed?.state.tenants ?? {})
      .filter(([, tenant]) => tenant.held === true)
      .map(([name]) => name)
      .slice(0, MOST_HELD),
    answers: mayAnswer ? answers : [],
  };
}
