import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { holderOf } from '@headgate/adapters/execution/process/cell-hold';
import type { RunningCell } from '@headgate/adapters/execution/running-cell';
import { maySignal } from '@headgate/adapters/machine/process-identity';

/** What would stop somebody half way through ending a cell, each in words with what would unblock it. `self`: who may hold it. */
export async function inTheWayOf(
  { dir }: Pick<AnyCellConfig, 'dir'>,
  { parts }: Pick<RunningCell, 'parts'>,
  self: number | undefined,
): Promise<readonly string[]> {
  const holder = await holderOf(dir);
  const held = holder !== undefined && holder.pid !== self;
  const closed = parts.length > 0 && !(await writable(dir));
  return [
    ...(held ? [`${dir} is held by another process (${pidText(holder.pid)}); stop that one first`] : []),
    ...(closed ? [`${dir} can't be written by this user; run it as the user who runs the agent`] : []),
    ...parts
      .filter(({ pid }) => !maySignal(pid))
      .map(({ what, pid }) => `${what} (pid ${pid}) is another user's, whom this one may not end; run it as that user`),
  ];
}

/** Why the agent itself can't be asked to end; empty: it can. */
export function whyNotSignal(pid: number | undefined): readonly string[] {
  if (pid === undefined || maySignal(pid)) return [];
  return [`the agent (pid ${pid}) is another user's, whom this one may not end; run it as that user`];
}

function pidText(pid: number | undefined): string {
  return pid === undefined ? 'pid unknown' : `pid ${pid}`;
}

async function writable(dir: string): Promise<boolean> {
  return access(dir, constants.W_OK).then(
    () => true,
    () => false,
  );
}
