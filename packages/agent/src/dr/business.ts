/** The application's business transactions in a cell that came back: by the declared program, and through its router. */
import { join } from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { urlOf } from '@headgate/adapters/execution/drill/brought-back';
import { letOwnerIn, variablesOf } from '@headgate/adapters/execution/drill/odoo-back';
import { DATABASE_URL_VARIABLE, runTransactions } from '@headgate/adapters/execution/drill/transactions';
import { readConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import { externalDatabaseUrlOf } from '@headgate/adapters/execution/external-store/external-store';
import { HttpChecks } from '@headgate/adapters/execution/http-checks/index';
import { odooChecks, odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import type { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { runBounded } from '@headgate/adapters/execution/program-run/bounded-run';
import { startCell } from '@headgate/adapters/execution/rebuild/rebuild-application';
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { databaseUrl } from '@headgate/adapters/postgres-cluster/database';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import type { RebuildPlan } from '@headgate/domain';

/** A Verification's, and which tenants' are carried out. */
export interface VerificationToRun {
  readonly name: string;
  readonly content: VerificationContent;
  readonly tenants: readonly string[];
}

/** Beside the database's URL, for the program: the store's name, and where the cell answers, if its application was started. */
export const STORE_VARIABLE = 'HEADGATE_EXERCISE_STORE';
export const URL_VARIABLE = 'HEADGATE_EXERCISE_URL';

export interface BusinessAsk {
  readonly plan: RebuildPlan;
  readonly target: AnyCellConfig;
  readonly only?: readonly string[] | undefined;
  readonly programsDir: string;
  readonly transactions?: { readonly command: readonly string[]; readonly timeoutMs: number } | undefined;
  readonly verification?: VerificationToRun | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly detail: (words: string) => void;
}

/** Carries them out; `succeeded` is called for each. Answers how many went well. Throws, in words, at the first that doesn't. */
export async function carryOutBusiness(ask: BusinessAsk, succeeded: () => void): Promise<number> {
  // They run already where its application was started.
  await startCell({ config: ask.target, only: ask.only, signal: ask.signal, say: ask.say });
  let well = 0;
  const one = (): void => {
    well += 1;
    succeeded();
  };
  if (ask.verification !== undefined) await throughRouter(ask, ask.verification, one);
  if (ask.transactions !== undefined) await byProgram(ask, ask.transactions, one);
  return well;
}

async function throughRouter(
  { plan, target, signal, say }: BusinessAsk,
  { name, content, tenants }: VerificationToRun,
  succeeded: () => void,
): Promise<void> {
  const checks = target.kind === 'odoo' ? odooChecks(target) : checksOf(target);
  for (const { slot, tenants: here } of plan.serving.slots)
    for (const tenant of here.filter((each) => tenants.includes(each))) {
      say(`Business transactions of ${name}, tenant ${tenant} …`);
      const result = await checks.run(content, tenant, slot, { signal });
      if (!result.ok)
        throw new Error(`${name}, tenant ${tenant}, ${result.check ?? 'before any check'}: ${result.why}`);
      succeeded();
    }
}

function checksOf({ router, tenantTokensFile }: CellConfig): HttpChecks {
  const { listenPort, tokenFile } = router;
  return new HttpChecks({ baseUrl: `http://127.0.0.1:${listenPort}`, tenantTokensFile, routerTokenFile: tokenFile });
}

/** Of each store that tenants live in; it is given that store as the application's own login. */
async function byProgram(
  ask: BusinessAsk,
  { command, timeoutMs }: NonNullable<BusinessAsk['transactions']>,
  succeeded: () => void,
): Promise<void> {
  const { plan, target, programsDir, signal, say, detail } = ask;
  const lived = new Set(Object.values(target.tenants).map(({ store }) => store));
  const answers = plan.steps.some(({ kind }) => kind === 'traffic');
  for (const { name } of plan.stores.filter((each) => lived.has(each.name))) {
    say(`Business transactions on ${name} …`);
    const environment = {
      [STORE_VARIABLE]: name,
      ...(answers && { [URL_VARIABLE]: `http://127.0.0.1:${target.router.listenPort}` }),
    };
    const bounds = { command, timeoutMs, environment, workDir: join(programsDir, `transactions-${name}`), signal };
    const { failed, output } = await (target.kind === 'odoo'
      ? onTenant(target, name, bounds)
      : onStore(target, name, bounds));
    if (failed !== undefined) {
      detail(output);
      throw new Error(`the program of business transactions ${failed} on ${name}`);
    }
    succeeded();
  }
}

interface Program {
  readonly command: readonly string[];
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly workDir: string;
  readonly signal: AbortSignal;
}

/** How a program ended, in words, where it failed, and what it printed last. */
interface Ran {
  readonly failed?: string;
  readonly output: string;
}

async function onStore(
  target: CellConfig,
  name: string,
  { timeoutMs, environment, ...program }: Program,
): Promise<Ran> {
  const { url, password } = await loginOf(target, name);
  const ran = await runBounded({
    ...program,
    environment: {
      ...{ PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
      [DATABASE_URL_VARIABLE]: url,
      ...environment,
    },
    ...{ user: undefined, deadlineMs: timeoutMs, yields: false, secrets: [password] },
  });
  program.signal.throwIfAborted();
  const output = ran.output.trim().slice(-2_000);
  if (ran.exitCode === 0) return { output };
  return { failed: ran.ended === 'by-itself' ? `ended with ${ran.exitCode}` : `was stopped (${ran.ended})`, output };
}

/** The application's own. */
async function loginOf(
  { stores, externalStores }: CellConfig,
  name: string,
): Promise<{ readonly url: string; readonly password: string }> {
  const store = stores[name];
  if (store !== undefined)
    return { url: await databaseUrl(store.port, store), password: await readSecret(store.passwordFile) };
  const known = await readConnectionUrl(externalStores[name]!.url);
  return { url: externalDatabaseUrlOf(known), password: known.password };
}

/** As a drill of the tenant's store has it: the owner's login, on a PostgreSQL that is thrown away. */
async function onTenant(target: OdooCellConfig, name: string, { environment, ...program }: Program): Promise<Ran> {
  const stores = odooStores(target);
  const { cluster, owner: user } = stores;
  const database = target.stores[name]!;
  await letOwnerIn(stores, database);
  const { failed, output } = await runTransactions({
    ...program,
    copy: {
      store: { name, cluster, database, user, passwordFile: cluster.passwordFile },
      url: await urlOf(cluster, database),
      environment: { ...variablesOf(stores), ...environment },
    },
  });
  return failed === undefined ? { output } : { failed: failed.replace(/^their program /, ''), output };
}
