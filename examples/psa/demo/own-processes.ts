/**
 * What a demonstration started, by name, so that the next one in the same folder can end what a killed one left running: a
 * second Ctrl-C ends it at once, and its server and agent live in groups of their own. Each is told apart for ever by pid,
 * start time and boot; nothing is touched while whoever started it lives.
 */
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import {
  alive,
  gone,
  identify,
  type ProcessIdentity,
  signalProcess,
} from '@headgate/adapters/machine/process-identity';

const FILE = 'demo-processes.json';
const GRACE_MS = 15_000;

interface Noted {
  readonly owner: ProcessIdentity;
  readonly processes: Readonly<Record<string, ProcessIdentity>>;
}

/**
 * Notes a process that this one started for a data folder. `sure: false`: another demonstration may have the folder, as long
 * as the server that was started hasn't got it; what is noted of one that lives stays then.
 */
export async function noteProcess(
  dataDir: string,
  name: string,
  pid: number,
  { sure }: { readonly sure: boolean } = { sure: true },
): Promise<void> {
  const [owner, process_] = [identify(process.pid), identify(pid)];
  if (owner === undefined || process_ === undefined) return;
  const before = await notedIn(dataDir);
  const isOurs = before?.owner.pid === owner.pid && before.owner.startTicks === owner.startTicks;
  const own = isOurs ? before.processes : {};
  const living = isOurs ? own[name] : before?.owner;
  if (!sure && living !== undefined && alive(living)) return;
  const noted: Noted = { owner, processes: { ...own, [name]: process_ } };
  await writeDurably(join(dataDir, FILE), `${JSON.stringify(noted)}\n`, 0o600);
}

/** Ends what a demonstration left in a data folder that ended without ending it. */
export async function endLeftovers(dataDir: string, report: (line: string) => void): Promise<void> {
  const noted = await notedIn(dataDir);
  if (noted === undefined || alive(noted.owner)) return;
  // The agent before the server that it would wait for.
  const order = Object.entries(noted.processes)
    .filter(([, identity]) => alive(identity))
    .reverse();
  for (const [name, identity] of order) {
    signalProcess(identity, 'SIGTERM');
    if (!(await gone(identity, GRACE_MS))) signalProcess(identity, 'SIGKILL');
    await gone(identity, GRACE_MS);
    report(`the ${name} that an earlier start left running was stopped (pid ${identity.pid})`);
  }
}

async function notedIn(dataDir: string): Promise<Noted | undefined> {
  const text = await readIfThere(join(dataDir, FILE));
  return text === undefined ? undefined : (JSON.parse(text) as Noted);
}
