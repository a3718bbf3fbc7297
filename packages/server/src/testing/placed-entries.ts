import type { LogEvent } from '@headgate/contract';
import { type RealServer, until } from './real-server.ts';
import { asSuperuser } from './superuser.ts';

/**
 * The log from its beginning, with all that is committed by now. The sequencer gives entries their places a moment
 * after their commit: whoever asks for the log right after a change may not find it yet, so this waits, and counts in
 * the database itself.
 */
export async function placedEntries(server: RealServer): Promise<LogEvent[]> {
  await until('everything committed has its place', async () => {
    const { rows } = await asSuperuser(server, (client) =>
      client.query<{ all: boolean }>(
        'select (select count(*) from headgate.entry) = (select count(*) from headgate.log_leaf) as all',
      ),
    );
    return rows[0]?.all === true;
  });
  const auditor = await server.client('auditor');
  const all: LogEvent[] = [];
  for (;;) {
    const { entries } = await auditor.call('logEntries', { from: all.length, limit: 1_000 });
    all.push(...entries.map(({ bytes }) => JSON.parse(Buffer.from(bytes, 'base64').toString('utf8')) as LogEvent));
    if (entries.length === 0) return all;
  }
}
