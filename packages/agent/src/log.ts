import { spelledOut } from '@headgate/contract';
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger };

/** JSON lines on standard output, written at once: the last line before a kill is the one that is needed. */
export function openLog(name: string, level = 'info'): Logger {
  const out = destination({ fd: 1, sync: true });
  return pino(
    {
      level,
      base: { agent: name },
      timestamp: stdTimeFunctions.isoTime,
      // Nothing of ours logs these; this is for the day when somebody logs a whole object.
      redact: {
        paths: ['token', '*.token', 'password', '*.password', 'authorization', '*.authorization'],
        remove: true,
      },
    },
    // A terminal may be reading: what others say is in these lines, too.
    { write: (line: string) => void out.write(`${spelledOut(line.trimEnd())}\n`) },
  );
}
