import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type OdooLogin,
  type OdooStores,
  odooEnvironment,
  runBounded,
  shellCommand,
} from '@headgate/adapters/execution/odoo/index';

export interface ShellRun {
  readonly script: string;
  readonly login: OdooLogin;
  readonly addons: readonly string[];
  readonly database: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs one of our Python scripts in Odoo's shell. Throws the end of what it printed when it fails. */
export async function runShell(
  stores: OdooStores,
  { script, login, addons, database, environment }: ShellRun,
): Promise<void> {
  const source = await readFile(new URL(script, import.meta.url), 'utf8');
  const run = await runBounded({
    command: shellCommand(stores.odoo, addons, database),
    environment: { ...odooEnvironment(stores.odoo, login), ...environment },
    workDir: join(stores.dir, 'setup'),
    user: stores.odoo.user,
    deadlineMs: 120_000,
    signal: new AbortController().signal,
    // The shell goes on after an error and ends with success; this makes it end.
    input: `import sys, traceback\ntry:\n    exec(compile(${pythonText(source)}, ${pythonText(script)}, 'exec'))\nexcept BaseException:\n    traceback.print_exc()\n    sys.stderr.flush()\n    import os\n    os._exit(3)\n`,
    secrets: [login.password],
  });
  if (run.exitCode !== 0) throw new Error(`${script} failed in ${database}: ${run.output.slice(-2_000)}`);
}

/** A Python literal: JSON's escapes mean the same there. */
function pythonText(text: string): string {
  return JSON.stringify(text);
}
