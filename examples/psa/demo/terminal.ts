import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline/promises';

/** Asks the person at the terminal; undefined when the question was taken back meanwhile. */
export async function askInTerminal(question: string, signal: AbortSignal): Promise<string | undefined> {
  const terminal = createInterface({ input: stdin, output: stdout });
  // While a line is read, the terminal hands Ctrl-C to the reader; it means the same as ever.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return (await terminal.question(question, { signal })).trim();
  } catch (error) {
    if (!signal.aborted) throw error;
    stdout.write('\n');
    return undefined;
  } finally {
    terminal.close();
  }
}
