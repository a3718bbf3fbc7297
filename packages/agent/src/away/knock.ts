/** The other side of the door: asks the agent that runs, if one does. */
import { request } from 'node:http';
import { type Answer, type Behind, doorPath, type RollBackAsk, type RolledBack, type Shown } from './door.ts';
import type { AgentStatus } from './status.ts';

/** The running agent of a data folder; undefined: none runs there. */
export async function knock(dataDir: string): Promise<Behind | undefined> {
  const behind: Behind = {
    status: () => ask<AgentStatus>(dataDir, 'GET', '/status'),
    show: (wish) => ask<Answer<Shown>>(dataDir, 'POST', '/way-back', wish),
    rollBack: (wish: RollBackAsk, progress) => ask<Answer<RolledBack>>(dataDir, 'POST', '/rollback', wish, progress),
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
          if (statusCode === 200 && last !== undefined && !(last as { line?: string }).line) resolve(last as T);
          else
            reject(new Error(`the agent answered ${statusCode}: ${(last as { why?: string })?.why ?? 'it broke off'}`));
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  } finally {
    await folder.close();
  }
}
