import { canonicalBytes } from '@headgate/documents/canonical';
import { digestOf } from '@headgate/documents/digest';
import type { Digest, ReleaseManifest, ReleaseRef } from '@headgate/domain';
import type { Answer, SlotObservation, StepContext } from '@headgate/execution';
import { withClient } from '../postgres-cluster/database.ts';
import { type CellPorts, openCell } from './cell.ts';
import type { CellConfig } from './cell-config.ts';
import { claimStore, isOwnClaim, ownClaim, StoreTaken, standingOf, whoseStore } from './external-store/claim.ts';
import { openExternalStore } from './external-store/external-store.ts';
import { refuseLeft } from './left-cell.ts';
import { holdCell } from './process/cell-hold.ts';
import { FenceFile } from './process/fence-file.ts';
import { recordApplied } from './sql-migrator/record-applied.ts';
import { migrationText, refuseNeverRun } from './sql-migrator/refuse-never-run.ts';
import { requireOwnSchema } from './store/store-schema.ts';
import { controlConnection, prepareStore } from './store/store-session.ts';

/** How long the whole of it may take. Milliseconds. */
const LIFETIME_MS = 300_000;

/** What runs today, as a release that nobody ever signed. */
export interface RunningRelease {
  readonly manifest: ReleaseManifest;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

/** What came of it, and what runs in the cell now: of one that runs already that isn't what was asked for. */
export interface TakeUp {
  readonly how: 'taken up' | 'runs already';
  readonly version: string;
}

/**
 * Brings what runs today into the first slot of a cell that is new, behind its router, beside whatever serves customers
 * now, which isn't touched: they move when somebody sends them to the router. That the database has the release's migrations
 * is written down; nothing is run in it. Called again it finishes what an earlier call left undone; a cell that runs, with
 * its tenants routed, is left as it is. Throws `StoreTaken`, having started nothing, for a database of another installation.
 */
export async function takeUp(
  config: CellConfig,
  release: RunningRelease,
  report: (line: string) => void,
): Promise<TakeUp> {
  await refuseLeft(config);
  await claimStores(config, release, report);
  const cell = await openCell(config, report);
  try {
    const ref = { digest: digestOf(canonicalBytes(release.manifest)), version: release.manifest.version };
    const slots = await Promise.all(cell.target.slots.map((slot) => cell.target.observe(slot)));
    const begun = slots.find(({ phase }) => phase !== 'empty');
    const routes = await cell.traffic.read();
    const lacking = routes.filter(({ router, workers, held }) => !held && !(router && workers));
    if (begun !== undefined) {
      const several = slots.filter(({ phase }) => phase !== 'empty').length > 1;
      const sick = several ? undefined : await cell.target.ailment(begun.slot);
      const lacks = [
        ...(lacking.length > 0 ? [`no slot serves ${listed(lacking.map(({ tenant }) => tenant))}`] : []),
        ...(sick === undefined ? [] : [sick]),
      ];
      if (lacks.length === 0) {
        const serving = slots.find(({ slot }) => routes.some(({ router }) => router === slot)) ?? begun;
        return { how: 'runs already', version: serving.release?.version ?? 'unknown' };
      }
      await refuseOther(config, begun, ref, lacks.join('; '));
    }
    await bringUp(cell, config, release, ref, begun?.slot ?? (cell.target.slots[0] as string), report);
    return { how: 'taken up', version: ref.version };
  } finally {
    await cell.close();
  }
}

/** Every database that somebody else keeps is ours or nobody's, or nothing is begun in any of them. */
async function claimStores(config: CellConfig, release: RunningRelease, report: (line: string) => void): Promise<void> {
  const { dir } = config;
  const { manifest } = release;
  const own = await holdingCell(dir, () => ownClaim(config));
  const known = (await new FenceFile(dir).read()) !== undefined;
  const stores = [];
  for (const [name, external] of Object.entries(config.externalStores)) {
    const store = await openExternalStore(name, external);
    // Before anything of it is read, and before anything is begun in a store beside it.
    await withClient(await controlConnection(store), requireOwnSchema);
    const standing = await standingOf(store);
    const whose = await whoseStore(standing, { ...own, dir, known });
    // Fences and routes that came along with a copy would turn away what is decided here.
    if (whose === 'other' || (whose === 'copy' && standing.decided)) throw new StoreTaken(store, standing.claim);
    if (external.migrations === undefined) await refuseNeverRun(store, release, report);
    stores.push({ name, external, store });
  }
  for (const { name, external, store } of stores) {
    await prepareStore(store);
    const claim = await claimStore(store, own);
    if (!(await isOwnClaim(claim, { ...own, dir }))) throw new StoreTaken(store, claim);
    if (external.migrations !== undefined) continue; // the application's own program says where it stands
    if (await recordApplied(store, manifest.migrations))
      report(`${name}: migrations recorded as carried out before, none of them run: ${manifest.migrations.length}`);
  }
}

/** The folder is made and written to by whoever holds the cell. */
async function holdingCell<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const hold = await holdCell(dir);
  try {
    return await work();
  } finally {
    await hold.release();
  }
}

/** What was left undone is only finished with the release with which it was begun, and before any plan decided there. */
async function refuseOther(
  { cell, dir }: CellConfig,
  { slot, phase, release }: SlotObservation,
  ref: ReleaseRef,
  lacks: string,
): Promise<void> {
  const fence = await new FenceFile(dir).read();
  if (fence !== undefined && fence.epoch > 0)
    throw new Error(
      `cell ${cell} was taken up before and is the control plane’s by now, so take-up leaves it alone; yet ${lacks}. Start its agent (headgate-agent run --config FILE), which starts what died; what a plan left so, headgate status tells, and headgate rollback PROMOTION --reason "…" takes back`,
    );
  if (release?.digest !== ref.digest)
    throw new Error(
      `cell ${cell}: slot ${slot} holds ${release?.version ?? 'nothing'} (${phase}), which isn't the folder as it stands now (${ref.version}); and ${lacks}. Call take-up with the folder and the version of then; or end this trial (headgate-agent stop --config FILE, headgate-agent leave --config FILE) and begin with a data folder of its own`,
    );
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}

async function bringUp(
  cell: CellPorts,
  config: CellConfig,
  { manifest, files }: RunningRelease,
  ref: ReleaseRef,
  slot: string,
  report: (line: string) => void,
): Promise<void> {
  const context = contextOf(config, files, report);
  const store = Object.keys(config.stores)[0];
  // A database that we keep ourselves begins empty; what an earlier call carried out is found to be done.
  if (store !== undefined)
    for (const { up, down: _down, undo: _undo, ...rest } of manifest.migrations) {
      const sql = migrationText(files.get(up.digest));
      granted(await cell.migrator.up(store, { ...rest, file: up }, sql, context));
    }
  granted(await cell.target.deploy(slot, ref, manifest, context));
  granted(await cell.traffic.route(Object.keys(config.tenants), slot, context));
}

/** No plan asked for it: its fence is the lowest there is, so nothing that a control plane decided is ever undone by it. */
function contextOf(config: CellConfig, files: RunningRelease['files'], log: (line: string) => void): StepContext {
  const until = performance.now() + LIFETIME_MS;
  const { cell, environment, application } = config;
  return {
    cell,
    environment,
    application,
    rollout: 'take-up',
    step: cell,
    fence: { epoch: 0, n: 0 },
    idempotencyKey: `take-up/${cell}`,
    remainingMs: () => until - performance.now(),
    signal: AbortSignal.timeout(LIFETIME_MS),
    manifest: () => Promise.reject(new Error('what is taken up has no manifest of a control plane')),
    document: () => Promise.reject(new Error('taking up needs no documents')),
    async blob(digest) {
      const bytes = files.get(digest);
      if (bytes === undefined) throw new Error(`there is no file ${digest}`);
      return bytes;
    },
    log,
  };
}

function granted<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(answer.why);
  return answer.value;
}
