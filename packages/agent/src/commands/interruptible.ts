import { type Interruption, listenForInterruption, SAME_ASKING_MS } from '@headgate/adapters/machine/interruption';
import { warn } from '../output.ts';

/** For a command that makes what has to go again: a copy of production's data, processes, a hold. `over()` is called when it is gone. */
export function interruptible(reason?: Error): Interruption {
  return listenForInterruption({
    ...(reason !== undefined && { reason }),
    heard: () =>
      warn(
        `headgate-agent: it ends as soon as nothing half done is left; asked again after ${SAME_ASKING_MS / 1_000} s it ends at once, and leaves that\n`,
      ),
  });
}
