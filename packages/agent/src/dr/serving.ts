/** What ran last in a cell, by the log; or by a person, who names the release where the log can't be asked. */
import type { ReleaseWithFiles } from '@headgate/adapters/execution/rehearsal/index';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { type CellState, createClient } from '@headgate/contract';

import type { Trust } from '@headgate/documents';
import type { Digest, RebuildFacts, RebuildServing } from '@headgate/domain';
import { Baselines } from '../artifacts/baselines.ts';
import { BlobCache } from '../artifacts/blob-cache.ts';
import { Releases } from '../artifacts/releases.ts';
import type { AgentConfig } from '../config.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { readRelease } from '../rehearse/release-files.ts';
import type { CellToRebuild } from './cell-to-rebuild.ts';

export interface ServingFound {
  readonly serving: RebuildFacts['serving'];
  /** With their files, by digest. */
  readonly releases: ReadonlyMap<Digest, ReleaseWithFiles>;
}

export interface ServingAsk {
  readonly config: Pick<AgentConfig, 'server' | 'dataDir'>;
  readonly cell: CellToRebuild;
  readonly trust: Trust;
  /** Of a person who may read: an agent’s own token doesn’t take that. */
  readonly tokenFile: string | undefined;
  /** Folder of a release that a person names. */
  readonly releaseDir: string | undefined;
  readonly signal: AbortSignal;
}

const PATIENCE_MS = 5_000;
const NOTHING: ReadonlyMap<Digest, ReleaseWithFiles> = new Map();

/** Asks the log, and compares with it what a person names. */
export async function servingIn(ask: ServingAsk): Promise<ServingFound> {
  const desired = await desiredIn(ask);
  if (ask.releaseDir !== undefined) return namedBy(ask, ask.releaseDir, desired);
  if (!desired.ok) return none(desired.why, desired.unblock);
  return byLog(ask, desired.state);
}

type Desired =
  | { readonly ok: true; readonly state: CellState }
  | { readonly ok: false; readonly why: string; readonly unblock: string };

async function desiredIn({ config, cell, tokenFile, signal }: ServingAsk): Promise<Desired> {
  const no = (why: string, first: string) => ({
    ...{ ok: false as const, why },
    unblock: `${first}, or name the folder of the release that ran last (--release DIR)`,
  });
  const back = 'bring the control plane back first';
  if (tokenFile === undefined)
    return no(
      `what ran last in ${cell.cell} the log says, to whom may read it`,
      'name the file of your own token (--token-file FILE)',
    );
  try {
    const client = createClient({ baseUrl: config.server, token: await readSecret(tokenFile) });
    const { desired } = await client.call('showCell', { cell: cell.cell }, { signal, timeoutMs: PATIENCE_MS });
    return desired === null
      ? no(`the log knows of nothing that ran in ${cell.cell}`, 'have it adopted')
      : { ok: true, state: desired };
  } catch (error) {
    signal.throwIfAborted();
    return no(
      `what ran last in ${cell.cell} the log would say, and ${config.server} can’t be asked: ${(error as Error).message}`,
      back,
    );
  }
}

async function byLog(ask: ServingAsk, state: CellState): Promise<ServingFound> {
  const { config, cell, trust, signal } = ask;
  const client = createClient({ baseUrl: config.server, token: await readSecret(ask.tokenFile!) });
  const plane = new ControlPlane(client);
  const blobs = await BlobCache.open(config.dataDir, (digest, over) => plane.blob(digest, over));
  const known = new Releases(plane, blobs, trust, await Baselines.open(config.dataDir));
  const slots: RebuildServing[] = [];
  const releases = new Map<Digest, ReleaseWithFiles>();
  for (const slot of Object.keys(cell.slots)) {
    const tenants = Object.keys(cell.tenants).filter((tenant) => state.tenants[tenant]?.slot === slot);
    const ref = state.slots[slot]?.release;
    if (tenants.length === 0 || ref === undefined) continue;
    const release = { digest: ref.digest as Digest, version: ref.version };
    const opened = await known.open(release.digest, signal);
    if (!opened.ok) return none(`${release.version}, which ran last: ${opened.refusal.why}`, opened.refusal.unblock);
    const { manifest } = opened.release;
    slots.push({ slot, release, schemaRange: manifest.schemaRange, tenants });
    const file = (digest: Digest): Promise<Uint8Array> => blobs.get(digest, signal);
    // Here now, and not in the midst of it, when the server may be gone.
    for (const each of manifest.components.flatMap(({ files }) => files)) await file(each.digest);
    releases.set(release.digest, { ref: release, manifest, file });
  }
  return { serving: { by: 'log', slots }, releases };
}

async function namedBy({ cell }: ServingAsk, dir: string, desired: Desired): Promise<ServingFound> {
  const read = await readRelease(dir);
  const { whole, manifest } = read;
  if (whole === undefined) return none(`the files of ${read.name} aren’t all in ${dir}`, 'lay all of them out there');
  if (manifest.application !== cell.application)
    return none(`${read.name} is no release of ${cell.application}`, 'name one of the cell’s application');
  const ran = desired.ok ? Object.values(desired.state.slots).flatMap(({ release }) => release ?? []) : [];
  if (ran.length > 0 && ran.every(({ digest }) => digest !== whole.ref.digest))
    return none(
      `${read.name} didn’t run last in ${cell.cell}: the log says ${ran.map(({ version }) => version).join(', ')}`,
      'leave --release out, and what ran last is fetched by the log',
    );
  const slot = Object.keys(cell.slots)[0]!;
  const { schemaRange } = manifest;
  const slots = [{ slot, release: whole.ref, schemaRange, tenants: Object.keys(cell.tenants) }];
  return { serving: { by: desired.ok ? 'log' : 'person', slots }, releases: new Map([[whole.ref.digest, whole]]) };
}

function none(why: string, unblock: string): ServingFound {
  return { serving: { why, unblock }, releases: NOTHING };
}
