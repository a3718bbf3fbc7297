import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  copyDatabase,
  DatabaseDoor,
  dropDatabase,
  filestoreDir,
  odooEnvironment,
  runBounded,
  upgradeCommand,
} from '@headgate/adapters/execution/odoo/index';
import { freePort } from '@headgate/adapters/machine/free-port';
import { makeRootFolder } from '@headgate/adapters/machine/reachable';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { TestResultContent } from '@headgate/documents';
import { TEMPLATE } from '../bring-up/template.ts';
import type { OdooExample } from '../bring-up.ts';
import { ADDONS, MODULE, type OdooVersion } from '../build.ts';

const SCRATCH = { name: 'tests', database: 'module_tests' };
const LIMIT_MS = 300_000;

export interface ModuleTestRun extends Pick<TestResultContent, 'command' | 'exitCode' | 'tests'> {
  readonly log: Uint8Array;
}

/**
 * What a CI system does with a version of the module: Odoo itself upgrades a scratch copy of the template database to it
 * and runs the module's own tests there. The copy stands in staging's cluster, and goes afterwards.
 */
export async function runModuleTests(example: OdooExample, version: OdooVersion): Promise<ModuleTestRun> {
  const { stores } = example.cells[0]!;
  const door = new DatabaseDoor(stores);
  const addons = join(example.root, 'tests', version);
  await makeRootFolder(addons);
  await cp(join(ADDONS, version), addons, { recursive: true });
  await copyDatabase(stores, TEMPLATE.database, SCRATCH.database);
  const login = await door.forAssignment(SCRATCH);
  try {
    const command = [
      ...upgradeCommand(stores.odoo, [addons], SCRATCH.database, [MODULE]),
      '--test-enable',
      `--test-tags=/${MODULE}`,
      // With tests it serves all the same, on a port that everybody's Odoo would have, for all the world.
      '--http-interface=127.0.0.1',
      `--http-port=${await freePort()}`,
    ];
    const run = await runBounded({
      command,
      environment: odooEnvironment(stores.odoo, login),
      workDir: join(stores.dir, 'module-tests'),
      user: stores.odoo.user,
      deadlineMs: LIMIT_MS,
      signal: new AbortController().signal,
      secrets: [login.password],
    });
    const tests = testsIn(run.output);
    // Nothing was tested, so there is nothing to sign: a gate would wait for ever on evidence that says no more than that.
    if (run.exitCode !== 0 && tests.passed.length + tests.failed.length === 0)
      throw new Error(`Odoo ran no test of ${version}: ${run.output.trim().slice(-1_500)}`);
    return { command, exitCode: run.exitCode ?? 255, tests, log: Buffer.from(run.output) };
  } finally {
    await door.endAssignments(SCRATCH);
    await withClient(await stores.cluster.connection(), (client) => dropDatabase(client, SCRATCH.database));
    await rm(filestoreDir(stores, SCRATCH), { recursive: true, force: true });
  }
}

/** Which tests Odoo's log says that it started, and which of them failed. */
export function testsIn(log: string): TestResultContent['tests'] {
  const named = (pattern: RegExp): Set<string> => new Set([...log.matchAll(pattern)].map(([, name]) => name!));
  const failed = named(/: (?:FAIL|ERROR): (\w+\.test_\w+)/g);
  const skipped = named(/: skipped (\w+\.test_\w+)/g);
  const passed = [...named(/: Starting (\w+\.test_\w+) \.\.\./g)].filter((n) => !failed.has(n) && !skipped.has(n));
  return { passed, failed: [...failed], skipped: [...skipped] };
}
