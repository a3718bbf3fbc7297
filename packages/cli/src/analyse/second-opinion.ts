/** squawk, run over the same files: a linter of its own, whose findings stand beside ours. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { type SarifRun, squawkMissing, squawkRun } from '@headgate/migrations';

const DEADLINE_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs squawk over files of a folder and answers its findings, or a run that says why there are none. `program`: a path, from `cwd`; else the installed one. */
export async function secondOpinion(
  files: readonly string[],
  program: string | true,
  folder: string,
  cwd: string,
): Promise<SarifRun> {
  const found = program === true ? installedSquawk() : { path: resolve(cwd, program), version: undefined };
  if (found === undefined || !existsSync(found.path))
    return squawkMissing(
      program === true
        ? `squawk is not installed (npm package @squawk-cli/${process.platform}-${process.arch})`
        : `there is no program ${program}`,
    );
  const { path, version } = found;
  return new Promise((done) => {
    const args = ['--reporter=json', '--', ...files];
    execFile(
      path,
      args,
      { cwd: folder, timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT_BYTES, env: { PATH: '/usr/bin:/bin' } },
      (error, stdout, stderr) => {
        // It exits with 1 when it has found something.
        if (stdout.trim() !== '') return done(squawkRun(stdout, version));
        if (error === null) return done(squawkRun('[]', version));
        done(squawkMissing(`squawk failed: ${(stderr || error.message).slice(0, 500)}`, version));
      },
    );
  });
}

function installedSquawk(): { readonly path: string; readonly version: string } | undefined {
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve(`@squawk-cli/${process.platform}-${process.arch}/package.json`);
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    return { path: join(dirname(manifest), 'bin', 'squawk'), version };
  } catch {
    return undefined;
  }
}
