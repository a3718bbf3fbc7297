import { createRequire } from 'node:module';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** The agent's program, which alone holds databases' credentials. It is started, never loaded: nothing of it is ours. */
const AGENT = '@headgate/agent/main';

/** Its file. Throws, in words, when it isn't installed here; `command` is what would be run. */
export function agentProgram(command: string): string {
  try {
    return createRequire(import.meta.url).resolve(AGENT);
  } catch {
    const unblock = `install headgate whole, or run headgate-agent ${command} where the agent is`;
    throw new Failure(EXIT.refused, 'no-agent', 'the agent’s program isn’t installed here', unblock);
  }
}
