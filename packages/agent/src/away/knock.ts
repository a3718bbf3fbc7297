/** The other side of the door: asks the agent that runs, if one does. */
import { request } from 'node:http';
import { holderOf } from '@headgate/adapters/execution/process/cell-hold';
import type { CarriedOut, CarryOutAsk } from '../reconcile/carry-out-ask.ts';
import type { TakenPoint, TakePointAsk } from '../restore-points/take-ask.ts';
import { type Answer, type Behind, doorPath, type RollBackAsk, type RolledBack, type Shown } from './door.ts';
import type { AgentStatus } from './status.ts';

/** How long an agent may take to say how things stand: it looks at nothing for that. Milliseconds. */
const ANSWER_MS = 10_000;

/**
 * The running agent of a data folder; undefined: none runs there. Throws, in words, when one does and doesn't answer, so that who
 * asks at three in the morning isn't left waiting.
 */
export async function knock(dataDir: string, answerMs = ANSWER_MS): Promise<Behind | undefined> {
  const behind: Behind = {
    status: () => answered(dataDir, answerMs, ask<AgentStatus>(dataDir, 'GET', '/status')),
    show: (wish) => ask<Answer<Shown>>(dataDir, 'POST', '/way-back', wish),
    rollBack: (wish: RollBackAsk, progress) => ask<Answer<RolledBack>>(dataDir, 'POST', '/rollback', wish, progress),
    carryOut: (wish: CarryOutAsk, progress) => ask<Answer<CarriedOut>>(dataDir, 'POST', '/carry-out', wish, progress),
    takePoint: (wish: TakePointAsk, progress) =>
      ask<Answer<TakenPoint>>(dataDir, 'POST', '/restore-point', wish, progress),
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

async function answered<T>(dataDir: string, answerMs: number, asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      void holderOf(dataDir).then((holder) => {
        const pid = holder?.pid === undefined ? '' : ` (pid ${holder.pid})`;
        const state = holder?.pid === undefined ? '' : `: ps -o pid,stat,etime,args -p ${holder.pid}`;
        reject(
          new Error(
            `the agent${pid} runs and has not answered for ${answerMs / 1_000} s: it was stopped (its state is T; kill -CONT lets it go on), or has no processor; look at it${state}`,
          ),
        );
      }, reject);
    }, answerMs);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
    asked.catch(() => {}); // whoever is late is told of already
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
