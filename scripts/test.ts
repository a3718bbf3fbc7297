/**
 * `npm test`: everything that can run on this machine, in the order in which a failure is cheapest to find. Says what it
 * skipped and why; with HEADGATE_REQUIRE_REAL=1 nothing may be skipped. `--kill-all` runs every kill point instead.
 */
import { spawn } from 'node:child_process';
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
      { name: 'style', command: [bin('biome'), 'check', '.'] },
      { name: 'tests', command: [bin('vitest'), 'run'] },
    ];

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
