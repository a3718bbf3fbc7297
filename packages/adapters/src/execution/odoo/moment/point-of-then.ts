/**
 * A tenant that was brought back beside itself, as a restore point of then: a dump of its database and its files, each compared once
 * more with its name. It lies in the folder of what was brought back, and not among the tenant's restore points: it is taken now, and of
 * another moment.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import { dumpSource } from '../../kept-points/dump-source.ts';
import { digestTree } from '../../kept-points/kept-manifest.ts';
import { KeptPoints } from '../../kept-points/kept-points.ts';
import { danglingAttachments } from '../attachments.ts';
import { dumpDatabase } from '../dump.ts';
import { installedModules } from '../installed-modules.ts';
import { PointManifest } from '../point-manifest.ts';
import { inRecords } from '../records.ts';
import type { OdooStore, OdooStores } from '../store.ts';
import { type NamedFile, namedFiles } from './named-files.ts';
import { placeFiles } from './place-files.ts';

/** What was brought back in a folder: its cluster runs. */
export interface TenantBeside {
  readonly aside: OdooStores;
  readonly store: OdooStore;
  readonly schemaVersion: number;
  /** Names of files that a person said it comes back without. */
  readonly lacking: readonly string[];
}

/** The folder for it, below that of what was brought back. */
export function pointsOfThen(to: string): KeptPoints<PointManifest> {
  return new KeptPoints(join(to, 'then'), PointManifest);
}

/** Which files its rows name, and how many bytes they have, but for those that it comes back without. */
export interface FilesBeside {
  readonly files: number;
  readonly bytes: number;
}

/** The one that was made before for this rollout; undefined: none was, to its end. */
export async function pointMade(to: string, rollout: string): Promise<string | undefined> {
  const { kept } = await pointsOfThen(to).list();
  return kept.find(({ manifest }) => manifest.rollout === rollout)?.point.id;
}

/** Makes it anew. Refused by name where a file isn't what it has to be. */
export async function makePointOfThen(
  to: string,
  beside: TenantBeside,
  ctx: StepContext,
): Promise<Answer<FilesBeside & { readonly id: string }>> {
  const { aside, store, schemaVersion } = beside;
  const kept = pointsOfThen(to);
  await rm(kept.dir, { recursive: true, force: true });
  const { id, partial } = await kept.begin();
  const laid = await filesBeside(to, beside, join(partial, 'filestore'), ctx.signal);
  if (!laid.ok) return laid;
  const source = await inRecords(aside, (client) => dumpSource(client, aside.cluster.programs.bin));
  await dumpDatabase(aside, store.database, join(partial, 'dump'), ctx.remainingMs(), ctx.signal);
  const modules = await installedModules(aside, store.database);
  const files = [
    ...(await digestTree(join(partial, 'dump'), 'dump', ctx.signal)),
    ...(await digestTree(join(partial, 'filestore'), 'filestore', ctx.signal)),
  ];
  await kept.complete(partial, {
    ...{ v: 1, id, store: store.name, database: store.database, rollout: ctx.rollout, step: ctx.step, schemaVersion },
    modules: Object.fromEntries([...modules.values()].map(({ name, version }) => [name, version])),
    danglingAttachments: await danglingAttachments(aside, store.database, join(partial, 'filestore')),
    ...{ takenAt: Date.now(), source, fence: ctx.fence, files },
  });
  return granted({ ...laid.value, id });
}

/** Copies them from where they were laid out, and answers which are there. */
async function filesBeside(
  to: string,
  { aside, store, lacking }: TenantBeside,
  target: string,
  signal: AbortSignal,
): Promise<Answer<FilesBeside>> {
  const named = await namedFiles(aside, store.database);
  const known = new Set(lacking);
  const wanted: NamedFile[] = [...named.files.values()].filter(({ name }) => !known.has(name));
  const laid = join(to, 'filestore');
  const from = { what: laid, dir: laid };
  const { bytes, nowhere, otherwise } = await placeFiles(wanted, [from], target, signal);
  const strange = named.wrong.filter(({ name }) => !known.has(name));
  const wrong = [
    ...otherwise.map(({ name, why }) => `${name} (${why})`),
    ...nowhere
      .filter(({ name }) => !otherwise.some((each) => each.name === name))
      .map(({ name }) => `${name} (missing)`),
    ...strange.map(({ name, why }) => `${name} (${why})`),
  ];
  if (wrong.length === 0) return granted({ files: wanted.length, bytes });
  const more = wrong.length - MOST_TOLD;
  const told = more > 0 ? [...wrong.slice(0, MOST_TOLD), `and ${more} more`] : wrong;
  return denied(
    'check-failed',
    `of the files that were laid out in ${to} ${wrong.length} aren’t what they have to be: ${told.join(', ')}`,
  );
}

const MOST_TOLD = 10;
