/**
 * `npm test`: everything that can run on this machine, in the order in which a failure is cheapest to find, and at the end
 * what was left out and why. Every real part comes with the packages, so a missing one is a failure; what this machine
 * can't offer is left out, unless HEADGATE_REQUIRE_REAL=1 says that nothing may be. `--kill-all` runs every kill point.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, execPath, exit, stdout } from 'node:process';

const ROOT = join(import.meta.dirname, '..');
const bin = (name: string): string => join(ROOT, 'node_modules', '.bin', name);

interface Stage {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
}

const stages: readonly Stage[] = argv.includes('--kill-all')
  ? [{ name: 'every kill point', command: [bin('vitest'), 'run', 'tests/kill'], environment: { HEADGATE_KILL: 'all' } }]
  : [
      { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
      { name: 'types of the page', command: [bin('tsc'), '-p', 'packages/web/tsconfig.json'] },
      { name: 'style', command: [bin('biome'), 'check', '.'] },
      { name: 'tests', command: [bin('vitest'), 'run'] },
    ];

interface LeftOut {
  readonly what: string;
  readonly why: string;
  /** Chosen by whoever runs the tests, and not for want of something real. */
  readonly chosen: boolean;
}

function leftOut(): readonly LeftOut[] {
  const out: LeftOut[] = [];
  if (!argv.includes('--kill-all'))
    out.push({ what: 'all kill points but a sample', why: 'they take half an hour: npm run test:kill', chosen: true });
  out.push({
    what: 'every crash between an invoice and its acknowledgement',
    why: 'it takes a minute and more: npm run test:reconcile',
    chosen: true,
  });
  if (env.HEADGATE_TEST_DATABASE_URL === undefined)
    out.push({
      what: 'the control store on a PostgreSQL of yours',
      why: 'set HEADGATE_TEST_DATABASE_URL; the embedded 15 and 18 were used',
      chosen: true,
    });
  if (!existsSync('/usr/bin/chromium'))
    out.push({
      what: 'the page in a browser',
      why: 'apt-get install --no-install-recommends chromium',
      chosen: false,
    });
  if (!existsSync('/usr/bin/swift-proxy-server') || !existsSync('/usr/bin/memcached'))
    out.push({
      what: 'a vault behind the S3 API',
      why: 'apt-get install --no-install-recommends swift-proxy swift-account swift-container swift-object memcached',
      chosen: false,
    });
  if (!existsSync('/usr/bin/pgbackrest'))
    out.push({
      what: 'restore points as pgBackRest’s backups',
      why: 'apt-get install --no-install-recommends pgbackrest',
      chosen: false,
    });
  if (!existsSync('/usr/lib/postgresql/15/bin/pg_amcheck'))
    out.push({
      what: 'restore points as dumps, and a drill’s check of tables and indexes',
      why: 'apt-get install --no-install-recommends postgresql-15',
      chosen: false,
    });
  if (process.getuid?.() !== 0)
    out.push({ what: 'that a router started by root gives up its rights', why: 'you are not root', chosen: false });
  return out;
}

function run(stage: Stage): Promise<number> {
  const [command, ...args] = stage.command;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...env, ...stage.environment },
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });
}

stdout.write(
  `Node ${process.version} (${execPath.includes('node_modules') ? 'the pinned one' : 'not the pinned one'})\n`,
);
for (const stage of stages) {
  const from = performance.now();
  stdout.write(`\n== ${stage.name}\n`);
  const code = await run(stage);
  stdout.write(
    `== ${stage.name}: ${code === 0 ? 'ok' : `failed (exit code ${code})`} in ${((performance.now() - from) / 1000).toFixed(1)} s\n`,
  );
  if (code !== 0) exit(code);
}

for (const { what, why } of leftOut()) stdout.write(`left out: ${what} (${why})\n`);
const missing = leftOut().filter((each) => !each.chosen);
if (env.HEADGATE_REQUIRE_REAL === '1' && missing.length > 0) {
  stdout.write(`HEADGATE_REQUIRE_REAL=1, but something was left out: ${missing.map((each) => each.what).join(', ')}\n`);
  exit(1);
}
