/** What the agent's program carries out under this program's name. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { EXIT } from '../exit-codes.ts';
import { ranCommand } from '../testing/ran-command.ts';

/** The agent's own code for a configuration that can't be read. */
const NO_CONFIGURATION = 78;

test.each<[string, readonly string[], number]>([
  ['its exit codes', ['dr', 'plan', '--config', '/nowhere/agent.yaml'], NO_CONFIGURATION],
  ['what is asked of it without a word', ['dr'], EXIT.usage],
  // A plan takes no --as, and says so only if it is handed one.
  ['--as', ['dr', 'plan', '--config', '/nowhere/agent.yaml', '--as', 'usr_ann'], EXIT.usage],
  ['--as that stands before it', ['--as', 'usr_ann', 'dr', 'plan', '--config', '/nowhere/agent.yaml'], EXIT.usage],
  [
    '--token-file and --json',
    ['dr', 'plan', '--config', '/nowhere/agent.yaml', '--token-file', 'ann.token', '--json'],
    NO_CONFIGURATION,
  ],
  ['options that it doesn’t have', ['dr', 'plan', '--confg', 'agent.yaml'], EXIT.usage],
  ['an address, which it takes none of', ['dr', 'plan', '--config', 'x', '--server', 'http://127.0.0.1:1'], EXIT.usage],
])('hands over %s', async (_what, args, code) => {
  expect((await ranCommand([...args], { env: process.env, cwd: tmpdir() })).code).toBe(code);
});
