import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const programs = {
  server: fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url)),
  agent: fileURLToPath(new URL('../../packages/agent/src/main.ts', import.meta.url)),
  cli: fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url)),
} as const;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one of the shipped programs until it ends. */
export function run(program: keyof typeof programs, ...args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(process.execPath, [programs[program], ...args], { timeout: 120_000 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}
