/**
 * The application's business transactions on a migrated copy: first by what serves customers, then by the release that is
 * rehearsed, which finds what the other wrote. The story in the order in which it happens.
 */
import { join } from 'node:path';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import type { Digest } from '@headgate/domain';
import type { BusinessFacts, BusinessRun } from '@headgate/domain/rehearsal/business';
import { reachableProgram } from '../../../machine/program-copy.ts';
import { closedFolder, makeRootFolder } from '../../../machine/reachable.ts';
import { findPrograms } from '../../../postgres-cluster/programs.ts';
import type { CellConfig } from '../../cell-config.ts';
import type { Store } from '../../store/store-session.ts';
import { PROGRAMS, throwAwayFolder } from '../throw-away-cluster.ts';
import { asApplication } from './application-login.ts';
import { runVersion } from './run-version.ts';
import { type ReleaseWithFiles, type ServingCell, type ServingRelease, servingReleases } from './serving-releases.ts';

export interface BusinessAsk {
  readonly config: CellConfig;
  /** The store's name in its cell. */
  readonly store: string;
  readonly verification: { readonly name: string; readonly digest: Digest; readonly content: VerificationContent };
  /** The one that is rehearsed. */
  readonly release: ReleaseWithFiles;
  /** Folder for what is thrown away. */
  readonly workDir: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** What programs printed, for a person on this machine and for nobody else. */
  readonly detail: (words: string) => void;
}

export interface BusinessRan {
  readonly facts?: BusinessFacts;
  /** What wasn't run, each in words. */
  readonly missing: readonly string[];
}

/** Versions that serve at once, at most: they are run one after the other. */
const MOST_OLD = 4;

/** Why there is nothing to begin with; undefined: there is. Known before anything is copied. */
export function whyNoBusiness({ rehearsal, cell }: CellConfig): string | undefined {
  return rehearsal === undefined
    ? `the configuration of the cell ${cell} doesn’t say how its application is started on a copy (rehearsal)`
    : undefined;
}

/** Runs them on a copy whose schema is at `schema`. What fails is in the facts; throws when it is interrupted. */
export async function runBusiness(ask: BusinessAsk, copy: Store, schema: number): Promise<BusinessRan> {
  const { config, store, release, verification, workDir, signal, say } = ask;
  const { rehearsal } = config;
  const why = whyNoBusiness(config);
  if (rehearsal === undefined || why !== undefined) return { missing: [notRun(why ?? '')] };
  const living = Object.keys(config.tenants).filter((tenant) => config.tenants[tenant]?.store === store);
  const tenants = living.filter((tenant) => rehearsal.tenants?.includes(tenant) !== false).sort();
  if (tenants.length === 0) return { missing: [notRun(`no tenant of the store ${store} is to be asked for`)] };
  const started = rehearsal.components ?? [config.webComponent];
  const { found, missing } = await oldVersions({ config, release, started }, living, schema);
  const programs = await findPrograms(15, workDir);
  const { user } = programs;
  const closed = user && (await closedFolder(workDir, user));
  if (closed) return { missing: [notRun(`${closed} is closed to the user ${user.name}, who runs the application`)] };
  const node = await reachableProgram(config.node, `node-${process.version}`, user);
  const { dir, remove } = await throwAwayFolder(workDir, programs, 'rehearsal');
  // A worker takes the jobs of tenants that the copy's own routes lead to its slot.
  const slot = found[0]?.slot ?? Object.keys(config.slots)[0]!;
  const runs: BusinessRun[] = [];
  try {
    await asApplication(copy, async (url, password) => {
      const run = async (which: BusinessRun['which'], of: ReleaseWithFiles, as: string): Promise<void> => {
        say(`Business transactions of the ${which} version, ${of.ref.version} …`);
        const place = join(dir, PROGRAMS, `${which}-${runs.length}`);
        await makeRootFolder(place);
        const shared = { config, rehearsal, verification: verification.content, tenants, store, url, password };
        const here = { dir: place, node, user, signal, detail: ask.detail };
        runs.push(await runVersion({ which, release: of, slot: as, ...shared, ...here }));
      };
      for (const old of found) await run('old', old, old.slot);
      await run('new', release, slot);
    });
  } finally {
    await remove();
  }
  const { name, digest } = verification;
  const others = living.length - tenants.length;
  return {
    facts: { verification: { name, digest }, runs },
    missing: [
      ...missing,
      ...(others > 0 ? [`business transactions of ${others} of the store’s ${living.length} tenants`] : []),
    ],
  };
}

/** Those that serve and can be started on that schema; what is said of the others. `started`: the components that would be. */
export async function oldVersions(
  {
    config,
    release,
    started,
  }: {
    readonly config: ServingCell;
    readonly release: ReleaseWithFiles;
    readonly started: readonly string[];
  },
  tenants: readonly string[],
  schema: number,
): Promise<{ readonly found: readonly ServingRelease[]; readonly missing: readonly string[] }> {
  const none = (why: string): string => `no business transactions of an old version were run: ${why}`;
  let serving: readonly ServingRelease[];
  try {
    serving = await servingReleases(config, tenants);
  } catch (error) {
    return { found: [], missing: [none((error as Error).message)] };
  }
  const others = serving.filter(({ ref }) => ref.digest !== release.ref.digest);
  if (others.length === 0)
    return { found: [], missing: [none(`no other one than ${release.ref.version} serves in the cell ${config.cell}`)] };
  const found: ServingRelease[] = [];
  const missing: string[] = [];
  for (const each of others) {
    const { version, schemaRange, components } = each.manifest;
    if (schema < schemaRange.min || schema > schemaRange.max)
      missing.push(
        none(`${version} is for the schemas ${schemaRange.min} to ${schemaRange.max}, and doesn’t run on ${schema}`),
      );
    else if (components.some(({ name, command }) => started.includes(name) && command.length === 0))
      missing.push(none(`${version} doesn’t say how it is started`));
    else if (found.length === MOST_OLD) missing.push(none(`${version} serves, too, and ${MOST_OLD} are run at most`));
    else found.push(each);
  }
  return { found, missing };
}

export function notRun(why: string): string {
  return `no business transactions were run: ${why}`;
}
