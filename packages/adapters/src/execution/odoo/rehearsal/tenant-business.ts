/**
 * Business transactions on an upgraded copy of a tenant: by an Odoo that is started for it, on the release's modules, which knows
 * the copy's database alone. A health check says nothing of a tenant; what it can be asked to do does.
 */
import { join } from 'node:path';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import type { Digest } from '@headgate/domain';
import type { BusinessRun } from '@headgate/domain/rehearsal/business';
import { freePort } from '../../../machine/free-port.ts';
import { makeRootFolder } from '../../../machine/reachable.ts';
import { HttpChecks } from '../../http-checks/http-checks.ts';
import { FenceFile } from '../../process/fence-file.ts';
import { ProcessTarget } from '../../process/process-target.ts';
import { endLeftovers, RUN_VARIABLE } from '../../program-run/leftovers.ts';
import { type BusinessRan, notRun, oldVersions } from '../../rehearsal/business/run-business.ts';
import { askTenants, tellPrinted } from '../../rehearsal/business/run-version.ts';
import type { ReleaseWithFiles } from '../../rehearsal/business/serving-releases.ts';
import { rehearsalContext } from '../../rehearsal/rehearsal-context.ts';
import { odooEnvironment, serveCommand } from '../command.ts';
import { ODOO_COMMAND } from '../odoo-cell.ts';
import type { OdooCellConfig } from '../odoo-cell-config.ts';
import type { TenantCopy } from './tenant-copy.ts';

export interface TenantBusinessAsk {
  readonly config: OdooCellConfig;
  readonly verification: { readonly name: string; readonly digest: Digest; readonly content: VerificationContent };
  /** The one that is rehearsed. */
  readonly release: ReleaseWithFiles;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** What Odoo printed, for a person on this machine and for nobody else. */
  readonly detail: (words: string) => void;
}

/** As which Odoo serves the copy: a login of its own. */
export const SLOT = 'rehearsal';
/** Until it answers: it loads all modules first. Milliseconds. */
const START_MS = 180_000;
/** For the transactions of one version. Milliseconds. */
const TRANSACTIONS_MS = 600_000;

/**
 * Runs them on a copy whose schema is at `schema`: of each version that serves and is made for that schema, then of the new one. What
 * fails is in the facts; throws when it is interrupted, or when what it started can't be ended.
 */
export async function runTenantBusiness(
  ask: TenantBusinessAsk,
  copy: TenantCopy,
  schema: number,
): Promise<BusinessRan> {
  const { config, release, verification, say } = ask;
  const [tenant] = Object.keys(config.tenants).filter((each) => config.tenants[each]?.store === copy.tenant.name);
  if (tenant === undefined) return { missing: [notRun(`no tenant lives in the store ${copy.tenant.name}`)] };
  const web = odooComponent(release);
  if (web === undefined) return { missing: [notRun(`${release.ref.version} has no component that Odoo serves`)] };
  const { found, missing } = await oldVersions({ config, release, started: [web] }, [tenant], schema);
  const runs: BusinessRun[] = [];
  for (const [which, of] of [...found.map((old) => ['old', old] as const), ['new', release] as const]) {
    say(`Business transactions of the ${which} version, ${of.ref.version} …`);
    runs.push(await runVersion(ask, copy, tenant, which, of, runs.length));
  }
  const { name, digest } = verification;
  return { facts: { verification: { name, digest }, runs }, missing };
}

/** The component of a release that Odoo serves; undefined: it has none. */
export function odooComponent({ manifest }: Pick<ReleaseWithFiles, 'manifest'>): string | undefined {
  return manifest.components.find(({ command }) => command.length === 1 && command[0] === ODOO_COMMAND)?.name;
}

async function runVersion(
  ask: TenantBusinessAsk,
  copy: TenantCopy,
  tenant: string,
  which: BusinessRun['which'],
  release: ReleaseWithFiles,
  n: number,
): Promise<BusinessRun> {
  const { verification, signal } = ask;
  const web = odooComponent(release);
  const begun = {
    ...{ which, release: release.ref, components: web === undefined ? [] : [web], tenants: 0, transactions: 0 },
  };
  const ran = await whileUp(ask, copy, { which, release, folder: `business-${n}` }, async ({ checks, readyMs }) => {
    const asked = { verification: verification.content, tenants: [tenant], slot: SLOT, signal };
    const checked = await askTenants(checks, asked, { ms: TRANSACTIONS_MS });
    signal.throwIfAborted();
    return { result: { ...begun, readyMs, ...checked }, tell: checked.failures.length > 0 };
  });
  return 'why' in ran ? { ...begun, durationMs: 0, failures: [{ why: ran.why }] } : ran.result;
}

/** An Odoo that answers on a copy. */
export interface UpOdoo {
  readonly checks: HttpChecks;
  /** As which it comes into the database. */
  readonly user: string;
  /** Milliseconds. */
  readonly readyMs: number;
}

/**
 * Does `work` while a version's Odoo serves the copy, and ends it; or says why it doesn't run. `folder`: of its own, below the
 * copy's. `tell`: what it printed last is worth telling. The tenant is held when this returns.
 */
export async function whileUp<T>(
  { config, signal, detail }: Pick<TenantBusinessAsk, 'config' | 'signal' | 'detail'>,
  { stores, tenant: store, door }: TenantCopy,
  {
    which,
    release,
    folder,
  }: { readonly which: BusinessRun['which']; readonly release: ReleaseWithFiles; readonly folder: string },
  work: (up: UpOdoo) => Promise<{ readonly result: T; readonly tell: boolean }>,
): Promise<{ readonly result: T } | { readonly why: string }> {
  const { odoo } = stores;
  const { ref, manifest } = release;
  const web = odooComponent(release);
  if (web === undefined) return { why: 'it has no component that Odoo serves' };
  // What runs there is known by it.
  const dir = join(stores.dir, folder);
  await makeRootFolder(dir);
  const httpPort = await freePort();
  await door.prepare([SLOT]);
  const login = await door.slotLogin(SLOT);
  const serving = { odoo, httpPort, workers: 0, websocketPort: undefined, database: store.database };
  const target = new ProcessTarget(
    {
      ...{ cellDir: dir, slots: { [SLOT]: { [web]: httpPort } }, node: process.execPath, user: odoo.user, drainMs: 0 },
      only: [web],
      command: (_slot, _component, addons) => serveCommand({ ...serving, addons: [addons] }),
      environment: async () => ({ ...odooEnvironment(odoo, login), [RUN_VARIABLE]: dir }),
    },
    new FenceFile(dir),
  );
  const printed = { dir, slot: SLOT, detail, which, release };
  const starting = performance.now();
  await door.open(store, SLOT);
  try {
    const context = rehearsalContext('start', { deadlineMs: START_MS, signal }, { blob: (each) => release.file(each) });
    const up = await target.deploy(SLOT, ref, manifest, context);
    signal.throwIfAborted();
    if (!up.ok) {
      await tellPrinted(printed, [web], [login.password]);
      return { why: `it doesn’t start on the copy: ${up.why.replace(/; see \/.*$/, '')}` };
    }
    const readyMs = performance.now() - starting;
    const checks = new HttpChecks({
      baseUrl: `http://127.0.0.1:${httpPort}`,
      tenantTokensFile: config.tenantTokensFile,
      databaseOf: () => store.database,
    });
    const { result, tell } = await work({ checks, readyMs, user: login.user });
    if (tell) await tellPrinted(printed, [web], [login.password]);
    return { result };
  } finally {
    await target.retire(SLOT, rehearsalContext('end', { deadlineMs: 0, signal }));
    await endLeftovers(dir);
    await door.close(store);
  }
}
