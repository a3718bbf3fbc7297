import type { AgentContact } from '@headgate/adapters/control/postgres/index';
import { type CellRecord, type FreezeRecord, type OlderServing, olderServing } from '@headgate/control';
import { type CellState, driftOf, type Hypercare, takenWords, toldExplanation } from '@headgate/domain';
import type { Context } from '../context.ts';
import { type Explained, explain } from '../explain.ts';
import { freezesOver, showFreeze } from '../freezes-over.ts';
import type { Handlers, Shown } from '../handler.ts';
import { shownMoves } from '../moves.ts';
import { allRows, cellRows, openPromotions } from '../paging.ts';
import { shownStandbys } from '../standbys.ts';
import { stillTakenBack } from '../taken-back.ts';
import { shownVaults } from '../vaults.ts';
import { nameOf, showPromotion, showRollout } from '../views.ts';

/** Promotions that are explained at a time: the pool of sessions is shared. */
const SIDE_BY_SIDE = 6;

/** Bounds of what one look reads; `truncated` says when one was met. */
const MOST = { cells: 2_000, promotions: 10_000, open: 200, others: 1_000 };

export function statusHandlers(context: Context): Handlers<'status'> {
  const { store } = context.deps;
  return {
    async status({ principal }) {
      const now = await store.now();
      const cells = await cellRows(store, MOST.cells);
      const lookers = cells.rows.flatMap(({ state }) => state.observed?.by ?? []);
      const contacts = await context.agents.of([...new Set(lookers)]);
      const promotions = await openPromotions(store, MOST.promotions);
      const watches = await allRows<Hypercare>(store, 'hypercare', MOST.others);
      const freezes = await allRows<FreezeRecord>(store, 'freeze', MOST.others);
      const back = await stillTakenBack(store);
      const names = cells.rows.map(({ stream }) => nameOf(stream));
      const standbys = await shownStandbys(context, names, now);
      const moves = await shownMoves(context, names, now);
      const vaults = await shownVaults(context, names, now);
      const open = [...promotions.begun, ...promotions.waiting];
      const moving = open.slice(0, MOST.open);
      const over = await freezesOver(store, moving, now);
      const explained: Explained[] = [];
      for (let i = 0; i < moving.length; i += SIDE_BY_SIDE)
        explained.push(...(await Promise.all(moving.slice(i, i + SIDE_BY_SIDE).map((p) => explain(context, p, now)))));
      const older = await olderServing(
        context.deps,
        cells.rows.flatMap(({ state }) => state.desired ?? []),
      );
      const told = explained.map(({ explanation }) => toldExplanation(explanation));
      return {
        ok: true,
        value: {
          at: now,
          cells: cells.rows.map((row) => cellLine(nameOf(row.stream), row.state, contacts, older)),
          promotions: moving.map((p, i) => ({
            promotion: showPromotion(p, principal, now, over(p)),
            rollouts: (explained[i]?.rollouts ?? []).map((r) =>
              showRollout(r, (explained[i] as Explained).plan, principal, now),
            ),
          })) as Shown<never>,
          hypercare: watches.rows
            .map((row) => row.state)
            .filter((watch) => watch.phase !== 'ended')
            .map((watch) => ({
              environment: watch.environment,
              phase: watch.phase,
              promotion: watch.promotion,
              until: watch.until,
            })),
          takenBack: back.items.map(({ promotion, ...told }) => {
            const { id, application, environment, release } = promotion;
            const result = promotion.phase === 'ended' ? promotion.result : promotion.phase;
            return { promotion: id, application, environment, release, result, ...told } as Shown<never>;
          }),
          standbys: standbys.items,
          moves: moves.items,
          vaults: vaults.items,
          freezes: freezes.rows.flatMap((row) =>
            row.state.freezes.filter((f) => f.to > now).map((f) => showFreeze(nameOf(row.stream), f)),
          ),
          waits: told.flatMap(({ waits }) => waits),
          truncated:
            told.some(({ waitsLeft = 0 }) => waitsLeft > 0) ||
            open.length > moving.length ||
            [cells, promotions, watches, freezes, back, standbys, moves, vaults].some((list) => list.truncated),
        },
      };
    },
  };
}

/** What was heard of the agent that looks at a cell; it is an agent's own word, not a decision of ours. */
function lookerOf(name: string, by: string, contact: AgentContact | undefined) {
  const { heardAt = null, endedAt = null, stopped = [] } = contact ?? {};
  if (endedAt === null) return { id: by, heardAt };
  return {
    id: by,
    heardAt,
    ended: { at: endedAt, how: stopped.includes(name) ? ('stopped' as const) : ('ended' as const) },
  };
}

/** Old code with what it misses, and what ends that. */
function olderLine({ store, release, tenants, schemaVersion, taking }: OlderServing, environment: string) {
  const newer = taking[0]?.release;
  const why = `it is at schema ${schemaVersion}: ${taking.map(takenWords).join('; ')}`.slice(0, 1_000).toWellFormed();
  const unblock = `where ${release} names it, that fails: \`headgate promote RELEASE --to ${environment}\` with one that does without it${newer === undefined ? '' : ` (${newer.version} or a later one)`}`;
  return { store, release, tenants, why, unblock };
}

function cellLine(
  name: string,
  record: CellRecord,
  contacts: ReadonlyMap<string, AgentContact>,
  older: readonly OlderServing[],
) {
  const own = older.filter(({ cell }) => cell === name);
  const state: CellState | undefined = record.observed?.state ?? record.desired;
  // A version may be called like what every mapping has.
  const versions: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const { slot } of Object.values(state?.tenants ?? {})) {
    const version = state?.slots[slot]?.release?.version ?? 'nothing';
    versions[version] = (versions[version] ?? 0) + 1;
  }
  const stores = Object.entries(state?.stores ?? {}).map(
    ([store, { schemaVersion }]) => [store, schemaVersion] as const,
  );
  return {
    name,
    environment: state?.environment ?? '',
    application: state?.application ?? '',
    adopted: record.desired !== undefined,
    uncertain: record.uncertain,
    observedAt: record.observed?.at ?? null,
    ...(record.observed && { agent: lookerOf(name, record.observed.by, contacts.get(record.observed.by)) }),
    versions,
    stores: Object.fromEntries(stores),
    drift: record.observed === undefined ? [] : [...driftOf(record.observed.state)],
    ...(record.observed?.state.closed && { closed: [...record.observed.state.closed] }),
    ...(own.length > 0 && { olderCode: own.map((each) => olderLine(each, record.desired?.environment ?? '')) }),
  };
}
