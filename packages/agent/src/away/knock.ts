/** The other side of the door: asks the agent that runs, if one does. */
import { request } from 'node:http';
import type { CarriedOut, CarryOutAsk } from '../reconcile/carry-out-ask.ts';
import { type Answer, type Behind, doorPath, type RollBackAsk, type RolledBack, type Shown } from './door.ts';
import type { AgentStatus } from './status.ts';

/** The running agent of a data folder; undefined: none runs there. */
export async function knock(dataDir: string): Promise<Behind | undefined> {
  const behind: Behind = {
    status: () => ask<AgentStatus>(dataDir, 'GET', '/status'),
    show: (wish) => ask<Answer<Shown>>(dataDir, 'POST', '/way-back', wish),
    rollBack: (wish: RollBackAsk, progress) => ask<Answer<RolledBack>>(dataDir, 'POST', '/rollback', wish, progress),
    carryOut: (wish: CarryOutAsk, progress) => ask<Answer<CarriedOut>>(dataDir, 'POST', '/carry-out', wish, progress),
  };
  try {
    await behind.status();
    return behind;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

/** What a line of an answer may be, beside the answer itself. */
interface Said {
  readonly line: string;
  readonly ok: boolean;
  readonly refusal: unknown;
  readonly why: string;
}

async function ask<T>(
  dataDir: string,
  method: string,
  url: string,
  body?: unknown,
  progress?: (line: string) => void,
): Promise<T> {
  const { path, folder } = await doorPath(dataDir);
  try {
    return await new Promise<T>((resolve, reject) => {
      const outgoing = request({ socketPath: path, method, path: url }, (response) => {
        let rest = '';
        let last: unknown;
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            last = JSON.parse(line);
            const { line: said } = last as { line?: string };
            if (said !== undefined) progress?.(said);
          }
        });
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode } = response;
          const { line, ok, refusal, why = 'it broke off' } = (last ?? {}) as Partial<Said>;
          // Under way it can't say 500 any more: what fails then is a no without a refusal.
          const failed = line !== undefined || (ok === false && refusal === undefined);
          if (statusCode === 200 && last !== undefined && !failed) resolve(last as T);
          else
            reject(
              new Error(
                statusCode === 200 ? `the agent broke off: ${why}` : `the agent answered ${statusCode}: ${why}`,
              ),
            );
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  } finally {
    await folder.close();
  }
}
