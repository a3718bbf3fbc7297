/** The folder in which a cell is rebuilt in an exercise. It goes in any case; what a killed exercise left goes with the next one. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../machine/durable-file.ts';
import { alive, identify, type ProcessIdentity } from '../../machine/process-identity.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { type AnyCellConfig, cellKind } from '../cell-kinds.ts';
import { odooStores } from '../odoo/odoo-cell.ts';
import { endLeftovers } from '../program-run/leftovers.ts';
import { physicalStore } from '../restore-points/physical-store.ts';
import { endRunning } from '../running-cell.ts';
import { cellElsewhere, odooElsewhere } from './cell-elsewhere.ts';
import { stopExerciseServers } from './exercise-server.ts';
import { endExternalPrograms } from './rebuild-external-store.ts';
import { endOdooPrograms } from './rebuild-odoo-store.ts';
import { clearStaging } from './rebuild-store.ts';

/** Names of folders of ours: nobody else's has so many random digits behind such a word. */
const OURS = /^exercise-[0-9a-f]{16}$/;
/** The cell's configuration there, and whose the folder is: by them what runs there is found by whoever comes later. */
const CELL = 'cell.json';
const OWNER = 'owner.json';
/** Programs that are run for it work here. */
const PROGRAMS = 'programs';

export interface ExercisePlace {
  readonly dir: string;
  /** The cell as it is rebuilt there. */
  readonly config: AnyCellConfig;
  /** For programs that are run beside it. */
  readonly programsDir: string;
  /** Ends what runs there, and removes it. */
  remove(): Promise<void>;
}

/** Makes one below `root`, after what killed exercises left there is gone. */
export async function exercisePlace(root: string, of: AnyCellConfig): Promise<ExercisePlace> {
  await mkdir(root, { recursive: true, mode: 0o755 });
  await sweepExercises(root);
  const dir = join(root, `exercise-${randomBytes(8).toString('hex')}`);
  await mkdir(dir, { mode: 0o755 });
  await chmod(dir, 0o755); // as root clusters run as another user
  await writeDurably(join(dir, OWNER), `${JSON.stringify(identify(process.pid))}\n`, 0o600);
  // What customers attached is nobody else's on this machine, either.
  await new Cluster({ dir, port: 0 }, await findPrograms(15, dir)).ownFolder(join(dir, 'files'));
  const config = of.kind === 'odoo' ? await odooElsewhere(of, dir) : await cellElsewhere(of, dir);
  // What it names beside folders and ports are paths of secrets, and no secret.
  await writeDurably(join(dir, CELL), `${JSON.stringify(config)}\n`, 0o600);
  return { dir, config, programsDir: join(dir, PROGRAMS), remove: () => removePlace(dir) };
}

/** Ends and removes what killed exercises left below `root`. Returns the folders. */
export async function sweepExercises(root: string): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const name of (await readdir(root).catch(() => [])).filter((each) => OURS.test(each))) {
    const dir = join(root, name);
    const owner = await readFile(join(dir, OWNER), 'utf8').catch(() => undefined);
    if (owner !== undefined && alive(JSON.parse(owner) as ProcessIdentity)) continue;
    // Without an owner it was left, or is made this moment: there is nothing in it, or its owner is just written down.
    if (owner === undefined && (await readdir(dir).catch(() => [])).every((each) => each.startsWith(OWNER))) continue;
    await removePlace(dir);
    swept.push(dir);
  }
  return swept;
}

async function removePlace(dir: string): Promise<void> {
  const text = await readFile(join(dir, CELL), 'utf8').catch(() => undefined);
  for (const program of await readdir(join(dir, PROGRAMS)).catch(() => []))
    await endLeftovers(join(dir, PROGRAMS, program));
  if (text !== undefined) {
    const written: unknown = JSON.parse(text);
    const config = cellKind(written)!.parse(written);
    if (config.kind === 'odoo') {
      const stores = odooStores(config);
      for (const store of stores.byName.values()) await endOdooPrograms(stores, store);
    }
    await endRunning({ ...config, drainMs: 0 }, () => {});
    if (config.kind !== 'odoo') {
      const programs = await findPrograms(15, dir);
      for (const name of Object.keys(config.stores)) await clearStaging(physicalStore(config, name, programs));
      for (const store of Object.values(config.externalStores)) await endExternalPrograms(store);
    }
  }
  await stopExerciseServers(dir);
  await rm(dir, { recursive: true, force: true });
}
