/** `restore-points list` and `verify` of a store whose restore points are pgBackRest's backups, in its own repository. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { keptOf } from '@headgate/adapters/execution/pgbackrest/opened-point';
import { repositoryText } from '@headgate/adapters/execution/pgbackrest/pgbackrest-config';
import { wholeBackup } from '@headgate/adapters/execution/pgbackrest/whole-backup';
import { onSameDevice, unmetDemands } from '@headgate/adapters/execution/vault/demands';
import { nextDue } from '@headgate/domain';
import { durationText } from '@headgate/domain/model/duration';
import { lookInRepository, withRepository } from './look-in-repository.ts';
import { freshnessLines, repositoryLines, SAME_DEVICE, tooOld } from './words.ts';

/** All of a repository is read. Milliseconds. */
const VERIFY_MS = 12 * 60 * 60_000;

export async function listedInRepository(
  cell: CellConfig,
  store: string,
  signal: AbortSignal,
): Promise<{ readonly lines: readonly string[]; readonly told: unknown; readonly ok: boolean }> {
  const { pgbackrest, clusterDir } = cell.stores[store]!;
  const { repository: config, keep, fullEveryMs } = pgbackrest!;
  const { list, freshness, log, last } = await lookInRepository(cell, store, signal);
  const objects = await openObjectStore(config);
  const protections = await objects.protections(signal);
  const { rpoMs, demands = [] } = cell.vault ?? {};
  const unmet = await unmetDemands({ demands, store: config }, objects, clusterDir, signal);
  const late = tooOld(freshness, rpoMs);
  const sameDevice = await onSameDevice(config, clusterDir);
  const of = { environment: cell.environment, cell: cell.cell, store };
  const repository = repositoryText(pgbackrest!);
  const full = `${keep.full} full backup${keep.full === 1 ? '' : 's'}`;
  return {
    lines: [
      ...repositoryLines(of, repository, list),
      ...freshnessLines(freshness, protections, unmet, late, log),
      `  kept: ${full}, with what was built on ${keep.full === 1 ? 'it' : 'them'} and the log since, and what the last rollout took; a full one every ${durationText(fullEveryMs)}`,
      ...(sameDevice ? [SAME_DEVICE] : []),
    ],
    told: {
      ...{ ...of, repository, freshness, protections, unmet, wal: log, lastSegment: last, sameDevice },
      points: list.kept.map(({ point, manifest, backup: { type } }) => ({
        ...manifest,
        type,
        verified: point.verified,
      })),
      ...{ unreadable: list.unreadable, others: list.others.map(({ label }) => label) },
      dueAt: rpoMs === undefined ? undefined : nextDue(freshness, rpoMs),
    },
    ok:
      freshness.unreadable === 0 &&
      freshness.newest !== undefined &&
      freshness.datedAhead === undefined &&
      unmet.length === 0 &&
      late === undefined &&
      log === undefined,
  };
}

/** Has pgBackRest read all of it, and looks at what it doesn't. */
export async function verifiedInRepository(
  cell: CellConfig,
  name: string,
  id: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly ok: boolean; readonly told: unknown; readonly line: string }> {
  return withRepository(cell, name, signal, async (store, own) => {
    const no = (line: string) => ({ ok: false, told: undefined, line });
    const kept = keptOf(store);
    const { kept: all, unreadable } = await kept.list();
    const wrong = unreadable.find((each) =>
      id === undefined ? each.id > (all[0]?.manifest.id ?? '') : each.id === id,
    );
    if (wrong !== undefined) return no(`${wrong.id} isn't right: ${wrong.why}`);
    const found = id === undefined ? all[0] : all.find(({ manifest }) => manifest.id === id);
    if (found === undefined)
      return no(
        `${id === undefined ? 'no restore point' : `no restore point ${id}`} of ${name} is in ${store.restorePointsDir}`,
      );
    const whole = await wholeBackup(own, found.manifest, { deadlineMs: VERIFY_MS, signal });
    if (!whole.ok) return no(whole.why);
    const { label } = found.manifest.pgbackrest;
    return {
      ok: true,
      told: { ok: true, id: found.manifest.id, label, repository: own.name },
      line: `${found.manifest.id} of the store ${name} is right: its backup ${label}, what it is built on and the log up to its moment were read back whole in ${own.name}.`,
    };
  });
}
