/** For tests only: what an agent's folder still has to tell the server of what was brought back, oldest first. */
import type { RestorationFacts } from '@headgate/domain';
import { untoldIn } from '../restoration/untold-restorations.ts';
import { silent } from './bench-agent.ts';

export async function untoldFacts(dataDir: string): Promise<readonly RestorationFacts[]> {
  return (await untoldIn(dataDir, silent)).map(({ statement }) => {
    const { payload } = (statement as { dsseEnvelope: { payload: string } }).dsseEnvelope;
    return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')).predicate as RestorationFacts;
  });
}
