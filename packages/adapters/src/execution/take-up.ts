import { canonicalBytes } from '@headgate/documents/canonical';
import { digestOf } from '@headgate/documents/digest';
import type { Digest, ReleaseManifest } from '@headgate/domain';
import type { Answer, StepContext } from '@headgate/execution';
import { openCell } from './cell.ts';
import type { CellConfig } from './cell-config.ts';
import { openExternalStore } from './external-store/external-store.ts';
import { recordApplied } from './sql-migrator/record-applied.ts';
import { prepareStore } from './store/store-session.ts';

/** How long the whole of it may take. Milliseconds. */
const LIFETIME_MS = 300_000;

/** What runs today, as a release that nobody ever signed. */
export interface RunningRelease {
  readonly manifest: ReleaseManifest;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * Brings what runs today into the first slot of a cell that is new, behind its router, beside whatever serves customers
 * now, which isn't touched: they move when somebody sends them to the router. That the database has the release's migrations
 * is written down; nothing is run in it. A cell in which something runs is left as it is.
 */
export async function takeUp(
  config: CellConfig,
  { manifest, files }: RunningRelease,
  report: (line: string) => void,
): Promise<'taken up' | 'runs already'> {
  for (const [name, external] of Object.entries(config.externalStores)) {
    if (external.migrations !== undefined) continue; // the application's own program says where it stands
    const store = await openExternalStore(name, external);
    await prepareStore(store);
    if (await recordApplied(store, manifest.migrations))
      report(`${name}: migrations recorded as carried out before, none of them run: ${manifest.migrations.length}`);
  }
  const cell = await openCell(config, report);
  try {
    const slots = await Promise.all(cell.target.slots.map((slot) => cell.target.observe(slot)));
    if (slots.some(({ phase }) => phase !== 'empty')) return 'runs already';
    const [first] = cell.target.slots;
    const context = contextOf(config, files, report);
    const store = Object.keys(config.stores)[0];
    // A database that we keep ourselves begins empty.
    if (store !== undefined)
      for (const { up, down: _down, undo: _undo, ...rest } of manifest.migrations) {
        const sql = Buffer.from(files.get(up.digest) ?? []).toString('utf8');
        granted(await cell.migrator.up(store, { ...rest, file: up }, sql, context));
      }
    const release = { digest: digestOf(canonicalBytes(manifest)), version: manifest.version };
    granted(await cell.target.deploy(first as string, release, manifest, context));
    granted(await cell.traffic.route(Object.keys(config.tenants), first as string, context));
    return 'taken up';
  } finally {
    await cell.close();
  }
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
