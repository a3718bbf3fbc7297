/** One version of the application on the copy: started as a slot's components are, asked as a promotion's checks ask, ended. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import type { BusinessFailure, BusinessRun } from '@headgate/domain/rehearsal/business';
import { freePorts } from '../../../machine/free-port.ts';
import type { RunAs } from '../../../machine/run-as.ts';
import type { CellConfig } from '../../cell-config.ts';
import { HttpChecks } from '../../http-checks/http-checks.ts';
import { FenceFile } from '../../process/fence-file.ts';
import { ProcessTarget } from '../../process/process-target.ts';
import { slotDir } from '../../process/slot-record.ts';
import { endLeftovers, RUN_VARIABLE } from '../../program-run/leftovers.ts';
import { mask } from '../../program-run/masking.ts';
import { rehearsalContext } from '../rehearsal-context.ts';
import { copyEnvironment } from './copy-environment.ts';
import type { RehearsalConfig } from './rehearsal-config.ts';
import type { ReleaseWithFiles } from './serving-releases.ts';

export interface VersionAsk {
  readonly which: BusinessRun['which'];
  readonly release: ReleaseWithFiles;
  readonly config: CellConfig;
  readonly rehearsal: RehearsalConfig;
  readonly verification: VerificationContent;
  readonly tenants: readonly string[];
  /** The store that there is a copy of; the copy's URL, and the password in it. */
  readonly store: string;
  readonly url: string;
  readonly password: string;
  /** The slot as which it runs: the one that the copy's own routes lead to. */
  readonly slot: string;
  /** An empty folder that its user can reach; what runs there is known by it. */
  readonly dir: string;
  readonly node: string;
  readonly user: RunAs | undefined;
  readonly signal: AbortSignal;
  /** What it printed, for a person on this machine and for nobody else. */
  readonly detail: (words: string) => void;
}

/** Failures that are told; each is one tenant's first. */
const MOST_FAILURES = 20;
/** Of what a component printed. Characters. */
const TOLD = 2_000;

/** A version that answers, as a promotion's checks ask it. */
export interface UpVersion {
  readonly checks: HttpChecks;
  readonly components: readonly string[];
  /** Milliseconds. */
  readonly readyMs: number;
}

/** Runs it. What fails is in what it answers; throws when it is interrupted, or when what it started can't be ended. */
export async function runVersion(ask: VersionAsk): Promise<BusinessRun> {
  const { which, release } = ask;
  const begun: Omit<BusinessRun, 'durationMs' | 'failures'> = {
    ...{ which, release: release.ref, components: componentsOf(ask), tenants: 0, transactions: 0 },
  };
  const ran = await whileUp(ask, async ({ checks, readyMs }) => {
    const limit = { ms: ask.rehearsal.transactionsMs, said: 'rehearsal.transactionsMs' };
    const checked = await askTenants(checks, ask, limit);
    ask.signal.throwIfAborted();
    return { result: { ...begun, readyMs, ...checked }, tell: checked.failures.length > 0 };
  });
  return 'why' in ran ? { ...begun, durationMs: 0, failures: [{ why: ran.why }] } : ran.result;
}

/** Those of its components that are started. */
function componentsOf({ release, rehearsal, config }: VersionAsk): readonly string[] {
  const wanted = rehearsal.components ?? [config.webComponent];
  return release.manifest.components.map(({ name }) => name).filter((name) => wanted.includes(name));
}

/** Does `work` while it runs, and ends it; or says why it doesn't run. `tell`: what it printed last is worth telling. */
export async function whileUp<T>(
  ask: VersionAsk,
  work: (version: UpVersion) => Promise<{ readonly result: T; readonly tell: boolean }>,
): Promise<{ readonly result: T } | { readonly why: string }> {
  const { release, config, rehearsal, slot, dir, node, user, signal } = ask;
  const { ref, manifest } = release;
  const wanted = rehearsal.components ?? [config.webComponent];
  const components = componentsOf(ask);
  const lacking = wanted.filter((name) => !components.includes(name));
  if (lacking.length > 0) return { why: `it has no component ${lacking.join(', ')}` };
  const free = await freePorts(components.length);
  const ports = Object.fromEntries(components.map((name, i) => [name, free[i]!]));
  const target = new ProcessTarget(
    {
      ...{ cellDir: dir, slots: { [slot]: ports }, node, user, drainMs: 0, only: components },
      async environment() {
        const environment = await copyEnvironment(ask);
        for (const name of Object.keys({ ...config.secretEnv, ...rehearsal.secretEnv }))
          secrets.push(environment[name] ?? '');
        return { ...environment, [RUN_VARIABLE]: dir };
      },
    },
    new FenceFile(dir),
  );
  const starting = performance.now();
  const secrets = [ask.password];
  const bounds = { deadlineMs: rehearsal.startMs, signal };
  try {
    const context = rehearsalContext('start', bounds, { blob: (digest) => release.file(digest) });
    const up = await target.deploy(slot, ref, manifest, context);
    signal.throwIfAborted();
    if (!up.ok) {
      await tellPrinted(ask, components, secrets);
      // Where its log was is gone by then.
      return { why: `it doesn’t start on the copy: ${up.why.replace(/; see \/.*$/, '')}` };
    }
    const readyMs = performance.now() - starting;
    const checks = new HttpChecks({
      baseUrl: `http://127.0.0.1:${ports[config.webComponent]!}`,
      tenantTokensFile: rehearsal.tenantTokensFile ?? config.tenantTokensFile,
    });
    const { result, tell } = await work({ checks, components, readyMs });
    if (tell) await tellPrinted(ask, components, secrets);
    return { result };
  } finally {
    await target.retire(slot, rehearsalContext('end', { deadlineMs: 0, signal }));
    // What a component started elsewhere has its environment.
    await endLeftovers(dir);
  }
}

type Checked = Pick<BusinessRun, 'durationMs' | 'tenants' | 'transactions' | 'failures'>;

/** The transactions of a version that serves on the copy, tenant by tenant; one that fails doesn't hold up the others. */
export async function askTenants(
  checks: HttpChecks,
  { verification, tenants, slot, signal }: Pick<VersionAsk, 'verification' | 'tenants' | 'slot' | 'signal'>,
  limit: { readonly ms: number; readonly said?: string },
): Promise<Checked> {
  const begun = performance.now();
  const failures: BusinessFailure[] = [];
  const over = AbortSignal.timeout(limit.ms);
  const within = AbortSignal.any([signal, over]);
  let well = 0;
  let transactions = 0;
  for (const tenant of tenants) {
    if (within.aborted || failures.length >= MOST_FAILURES) break;
    // A tenant without a token, for one.
    const result = await checks
      .run(verification, tenant, slot, { signal: within })
      .catch((error: Error) => ({ ok: false as const, passed: 0, check: undefined, why: error.message }));
    transactions += result.passed;
    if (result.ok) well++;
    else failures.push({ tenant, ...(result.check !== undefined && { check: result.check }), why: result.why });
  }
  if (over.aborted && failures.length === 0) {
    const by = limit.said === undefined ? '' : ` (${limit.said})`;
    failures.push({ why: `they didn’t end within ${limit.ms / 1_000} s${by}` });
  }
  return { durationMs: performance.now() - begun, tenants: well, transactions, failures };
}

/** The end of what its components printed, without the secrets that it was given. */
export async function tellPrinted(
  { dir, slot, detail, which, release }: Pick<VersionAsk, 'dir' | 'slot' | 'detail' | 'which' | 'release'>,
  components: readonly string[],
  secrets: readonly string[],
): Promise<void> {
  for (const name of components) {
    const printed = await readFile(join(slotDir(dir, slot), `${name}.log`), 'utf8').catch(() => '');
    const told = mask(printed, secrets.filter(Boolean)).trim().slice(-TOLD);
    if (told !== '') detail(`${name} of the ${which} version ${release.ref.version} printed last:\n${told}`);
  }
}
