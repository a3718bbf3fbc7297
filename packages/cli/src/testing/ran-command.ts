import { Readable, Writable } from 'node:stream';
import { runCommandLine } from '../program.ts';

/** A command line as a person types it without a terminal: nothing to read, both of its outputs in the order of writing. */
export async function ranCommand(
  args: readonly string[],
  where: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<{ readonly code: number; readonly out: string }> {
  let out = '';
  const into = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const { signal: stop } = new AbortController();
  const streams = { stdin: Readable.from(['']), stdout: into, stderr: into };
  return { code: await runCommandLine([...args], { ...where, ...streams, stop }), out };
}
