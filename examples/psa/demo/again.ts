import { stdin } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chapter } from './chapters.ts';
import type { Narrator } from './narrator.ts';
import { askInTerminal } from './terminal.ts';
import type { RunningSystem, World } from './world.ts';

/**
 * Waits until a chapter that went another way should be asked for again: until somebody at the terminal says so, or somebody
 * anywhere asks for a promotion there. Until then the system serves on, and whatever else a person does to it is theirs.
 */
export function personalAgain<S extends RunningSystem>(world: World<S>, narrator: Narrator) {
  return async ({ version, environment }: Chapter, others: () => Promise<boolean>): Promise<void> => {
    const token = `--token-file ${world.dataDir}/secrets/developer.token`;
    narrator.say('to go on, ask for it again:');
    narrator.say(`  npm run headgate -- promote ${version} --to ${environment} --server ${world.address} ${token}`);
    narrator.say('or end here (Ctrl-C): the next npm start goes on from this place');
    const answered = new AbortController();
    const elsewhere = (async () => {
      while (!answered.signal.aborted) {
        // A server that is away for a moment has nothing to say here.
        if (await others().catch(() => false)) return answered.abort();
        await sleep(500);
      }
    })();
    if (stdin.isTTY)
      await narrator.quietly(() => askInTerminal('  Enter: ask for it again, right here ', answered.signal));
    else await elsewhere;
    answered.abort();
    await elsewhere;
  };
}
