/**
 * Tells the server what could be brought back of each cell's stores: the newest restore point, how far its log goes, a gap in it by
 * name, and why nobody could look. Looks go at their own pace, and a vault that hangs keeps nobody from hearing what is known.
 */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { storesElsewhere, vaultedStores } from '@headgate/adapters/execution/vault/vaulted-stores';
import type { Trust } from '@headgate/documents';
import type { ToldVault } from '@headgate/domain';
import { cut } from '@headgate/domain/model/text';
import { isDatedAhead } from '@headgate/domain/vault/dated-ahead';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import type { SeenThere } from '../schedule/scheduler.ts';
import type { StoreWal } from '../schedule/wal-rounds.ts';
import { type CellOfVault, hasVault } from '../vault-cells.ts';
import { type LookedAt, lookInVault } from './look-in-vault.ts';

export interface VaultRoundsParts {
  readonly cells: readonly AnyCellConfig[];
  /** Between two words to the server. Milliseconds. */
  readonly everyMs: number;
  /** Between two looks at a cell's restore points; it is never less than they took. Milliseconds. */
  readonly lookEveryMs: number;
  readonly plane: Pick<ControlPlane, 'tellVaults'>;
  readonly trust: Pick<Trust, 'signers'>;
  readonly log: Logger;
  /** Whether a store is half way back in its place, in words. */
  halfWay(cell: string, store: string): Promise<string | undefined>;
  /** How the logs of a cell's stores stand. */
  wal(cell: string): readonly StoreWal[];
  /** What restore points a store has isn't what it was: its log counts from there once it was looked at from there. */
  lookAtLog(cell: string, store: string): void;
}

/** Between two words of a cell with more stores than {@link FEW}. Milliseconds. */
const TELL_MANY_MS = 60_000;
const FEW = 100;
/** Stores that are looked at side by side. */
const SIDE_BY_SIDE = 4;

/** How one store stands. */
export interface Standing {
  /** What the last look saw that got there, and when by the monotonic clock. */
  readonly seen?: LookedAt & { readonly at: number };
  readonly why?: string;
}

/** Two rounds for each cell: one that looks, one that tells. */
export class VaultRounds {
  readonly #rounds: readonly CellRounds[];
  readonly #wal: VaultRoundsParts['wal'];
  readonly #seen = new Map<string, Map<string, Standing>>();

  constructor(parts: VaultRoundsParts) {
    this.#wal = parts.wal;
    this.#rounds = parts.cells.map((cell) => {
      const standing = new Map<string, Standing>();
      this.#seen.set(cell.cell, standing);
      return roundsOf(cell, standing, parts);
    });
  }

  /** What the last look that got there saw of a store, and the last round of its log; undefined: none got there yet. */
  of(cell: string, store: string): SeenThere | undefined {
    const seen = this.#seen.get(cell)?.get(store)?.seen;
    if (seen === undefined) return undefined;
    const gap = this.#wal(cell).some((each) => each.store === store && each.gap !== undefined);
    return { gap, ...(seen.newest !== undefined && { newest: seen.newest.id }) };
  }

  /** Looks at a cell's restore points now: one was taken, or brought back. */
  lookAgain(cell: string): void {
    this.#rounds.find((each) => each.cell === cell)?.looking?.nudge();
  }

  start(): void {
    for (const { looking, telling } of this.#rounds) {
      looking?.start();
      telling.start();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#rounds.flatMap(({ looking, telling }) => [looking?.stop(), telling.stop()]));
  }
}

/** The stores of a cell whose restore points lie in a vault or in a repository, and in which. */
function storesOf(cell: AnyCellConfig): readonly (readonly [store: string, where: ToldVault['where']])[] {
  return [
    ...(hasVault(cell) ? [...vaultedStores(cell).keys()].map((store) => [store, 'vault'] as const) : []),
    ...[...storesElsewhere(cell).keys()].map((store) => [store, 'repository'] as const),
  ];
}

interface CellRounds {
  readonly cell: string;
  /** Absent: no store of it has a vault or a repository. */
  readonly looking?: Every;
  readonly telling: Every;
}

function roundsOf(
  config: AnyCellConfig,
  standing: Map<string, Standing>,
  { everyMs, lookEveryMs, plane, trust, log, wal, halfWay, lookAtLog }: VaultRoundsParts,
): CellRounds {
  const { cell } = config;
  const stores = storesOf(config);
  let lookedFor = 0;
  const look = async (store: string, signal: AbortSignal): Promise<void> => {
    const before = standing.get(store);
    try {
      // Whatever has a store here has a vault, or a repository, which is asked for nothing of a vault.
      const seen = await lookInVault(config as CellOfVault, store, trust, signal);
      standing.set(store, { seen: { ...seen, at: performance.now() } });
      const shipped = wal(cell).find((each) => each.store === store);
      const news = before?.seen !== undefined && before.seen.newest?.id !== seen.newest?.id;
      if (news || (shipped !== undefined && !isSeenFrom(seen, shipped))) lookAtLog(cell, store);
      if (before?.why !== undefined) log.info({ cell, store }, 'what lies in the vault can be looked at again');
    } catch (error) {
      if (signal.aborted) return;
      const why = plain((error as Error).message);
      standing.set(store, { ...before, why });
      if (before?.why !== why) log.warn({ cell, store, why }, 'what lies in the vault can’t be looked at');
    }
  };
  const looking = new Every(
    () => Math.max(lookEveryMs, lookedFor),
    async (signal) => {
      const begun = performance.now();
      for (let from = 0; from < stores.length && !signal.aborted; from += SIDE_BY_SIDE)
        await Promise.all(stores.slice(from, from + SIDE_BY_SIDE).map(([store]) => look(store, signal)));
      lookedFor = performance.now() - begun;
      telling.nudge();
    },
    (error) => log.warn({ cell, why: (error as Error).message }, 'the vault can’t be looked at'),
  );
  let toldOfNone = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  let toldTrouble: string | undefined;
  let trouble: string | undefined;
  const telling = new Every(
    everyMs,
    async () => {
      // Once, so that nobody goes by what was told when there still were some.
      if (stores.length === 0 && toldOfNone) return;
      const logs = new Map(wal(cell).map((each) => [each.store, each]));
      const told: (ToldVault | undefined)[] = [];
      for (const [store, where] of stores) {
        // What can't be read is told as it is: somebody has to look.
        const half = await halfWay(cell, store).catch((error: Error) => error.message);
        const of = { store, where, rpoMs: hasVault(config) ? config.vault.rpoMs : undefined };
        const seen = toldOf(of, standing.get(store), logs.get(store));
        // It counts before anybody has looked: its log isn't shipped meanwhile.
        if (half === undefined) told.push(seen);
        else told.push({ ...(seen ?? { store, where }), halfWay: plain(half) });
      }
      // As long as something wasn't looked at once, what is told of it would be less than what was told before.
      if (told.some((each) => each === undefined)) return;
      const now = performance.now();
      const news = JSON.stringify(
        (told as ToldVault[]).map(({ point, gap, why, halfWay: half }) => [point?.id, gap, why, half]),
      );
      if (stores.length > FEW && news === toldTrouble && now - toldAt < TELL_MANY_MS) return;
      await plane.tellVaults(cell, told as ToldVault[]);
      [toldOfNone, toldAt, toldTrouble, trouble] = [true, now, news, undefined];
    },
    (error) => {
      const why = (error as Error).message;
      if (stores.length > 0 && why !== trouble)
        log.warn({ cell, why }, 'the server can’t be told what lies in the vault');
      trouble = why;
    },
  );
  return { cell, telling, ...(stores.length > 0 && { looking }) };
}

/** Whether the log was looked at from the restore point on from which it goes on, or from an earlier one. */
function isSeenFrom({ goesOnAt }: LookedAt, { wholeFrom }: StoreWal): boolean {
  return goesOnAt === undefined || (wholeFrom !== undefined && wholeFrom <= goesOnAt);
}

/** What is told of one store; undefined: nobody has looked yet. */
export function toldOf(
  {
    store,
    where,
    rpoMs,
  }: { readonly store: string; readonly where: ToldVault['where']; readonly rpoMs: number | undefined },
  standing: Standing | undefined,
  wal: StoreWal | undefined,
): ToldVault | undefined {
  if (standing === undefined) return undefined;
  if (wal !== undefined && wal.reachedAt === undefined && wal.why === undefined) return undefined;
  const { seen, why: unseen } = standing;
  const newest = seen?.newest;
  const gap = wal?.gap;
  // The newest fell, say, from which it was whole: before it a piece may be missing.
  const unlooked = seen !== undefined && wal?.reachedAt !== undefined && !isSeenFrom(seen, wal);
  const now = Date.now();
  const whys = [
    unseen,
    newest !== undefined && isDatedAhead(newest.takenAt, now)
      ? `${newest.id} is dated ahead of the clock here: when it was taken nobody knows`
      : undefined,
    seen?.goesOn === false && gap === undefined ? seen.log : undefined,
    wal?.why === gap ? undefined : wal?.why,
    unlooked ? 'whether its log is whole from that restore point on isn’t known yet: it is being looked at' : undefined,
  ];
  const why = whys.filter((each) => each !== undefined).join('; ');
  // Of a repository the moment before a gap isn't known: a restore point is what comes back for certain.
  const counts = gap === undefined ? seen?.goesOn === true : where === 'vault';
  const reachedAt = counts ? wal?.reachedAt : undefined;
  // What a clock that jumped wrote down says nothing of what would be lost.
  const known = [newest?.takenAt, reachedAt].filter((at) => at !== undefined && !isDatedAhead(at, now)) as number[];
  return {
    store,
    where,
    ...(newest !== undefined && {
      point: { id: plain(newest.id), ageMs: Math.max(0, now - newest.takenAt) },
      ...(known.length > 0 && !unlooked && { lostMs: Math.max(0, now - Math.max(...known)) }),
    }),
    ...(seen !== undefined && seen.unreadable > 0 && { unreadable: seen.unreadable }),
    ...(gap !== undefined && { gap: plain(gap) }),
    ...(why !== '' && { why: plain(why) }),
    ...(rpoMs !== undefined && { rpoMs }),
    ...(seen !== undefined && { ageMs: Math.max(0, Math.round(performance.now() - seen.at)) }),
  };
}

/** As the server takes a text: one line, of bounded length. */
function plain(text: string): string {
  return cut(text.replace(/\p{Cc}+/gu, ' '), 500) || '?';
}
