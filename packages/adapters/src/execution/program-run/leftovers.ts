import { realpath, rm } from 'node:fs/promises';
import { z } from 'zod';
import { bootId } from '../../machine/boot-identity.ts';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { alive, gone, identify, type ProcessIdentity, signalProcess } from '../../machine/process-identity.ts';
import { allPids, cwdOf, readOfProcess } from '../../machine/processes-in.ts';

/** Variable that says where a run works: whatever it starts inherits it, also what left its group and its folder. */
export const RUN_VARIABLE = 'HEADGATE_RUN';

const Stored = z.strictObject({ pid: z.int().min(2), startTicks: z.string(), bootId: z.string() });

/** How long processes that were killed may take to be gone. Milliseconds. */
const END_MS = 10_000;

/** Remembers the leader of a run's group, beside its folder, for whoever comes after us. */
export async function rememberRun(workDir: string, leader: ProcessIdentity): Promise<void> {
  await writeDurably(recordOf(workDir), `${JSON.stringify(leader)}\n`, 0o600);
}

/**
 * Ends what works, or was started to work, in a folder: whatever an agent which was killed left behind, or what a run that
 * ended left in the background. It is found by its group and session, by its working folder, or by its environment; a
 * process that shed all three isn't.
 */
export async function endLeftovers(workDir: string): Promise<void> {
  const until = performance.now() + END_MS;
  for (;;) {
    const left = await leftovers(workDir);
    if (left.length === 0) break;
    if (performance.now() > until) throw new Error(`The process ${left[0]!.pid} of an earlier run can't be ended`);
    for (const identity of left) signalProcess(identity, 'SIGKILL');
    await Promise.all(left.map((identity) => gone(identity, END_MS)));
  }
  await rm(recordOf(workDir), { force: true });
}

async function leftovers(workDir: string): Promise<readonly ProcessIdentity[]> {
  const folder = await realpath(workDir).catch(() => workDir);
  const leader = await groupOf(workDir);
  const ours = (pid: number): boolean => {
    if (cwdOf(pid) === folder) return true;
    if (readOfProcess(pid, 'environ').split('\0').includes(`${RUN_VARIABLE}=${workDir}`)) return true;
    if (leader === undefined) return false;
    const stat = readOfProcess(pid, 'stat');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[2]) === leader || Number(fields[3]) === leader;
  };
  return allPids()
    .filter((pid) => pid !== process.pid && ours(pid))
    .map(identify)
    .filter((identity) => identity !== undefined);
}

/** The recorded run's group; `undefined` when none of it can be left. A pid isn't given away while a group has it. */
async function groupOf(workDir: string): Promise<number | undefined> {
  const text = await readIfThere(recordOf(workDir));
  if (text === undefined) return undefined;
  const leader = Stored.parse(JSON.parse(text));
  if (leader.bootId !== bootId()) return undefined;
  if (!alive(leader) && identify(leader.pid)) return undefined; // somebody else has the pid by now
  return leader.pid;
}

function recordOf(workDir: string): string {
  return `${workDir}.run.json`;
}
