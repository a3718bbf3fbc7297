#!/usr/bin/env node
/** The `headgate` command. */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { runCommandLine } = await import('./program.ts');
const { listenForInterruption } = await import('@headgate/adapters/machine/interruption');
// Nearly all of its commands leave nothing behind: who asks a second time hardly waits.
const stopping = listenForInterruption({ sameMs: 1_000 });
const { env, stdin, stdout, stderr } = process;
// Whoever reads our output may stop reading, as `head` does; what was interrupted takes back what it began all the same.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (!stopping.signal.aborted) process.exit(error.code === 'EPIPE' ? 0 : 1);
});
process.exitCode = await runCommandLine(process.argv.slice(2), {
  env,
  cwd: process.cwd(),
  stdin,
  stdout,
  stderr,
  stop: stopping.signal,
});
