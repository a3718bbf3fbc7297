import { auditLog } from '../log/audit-log.ts';
import { type Check, ok, wrong } from './finding.ts';
import type { ServerFacts } from './server-checks.ts';

/** So many are named; `headgate log audit` names all. */
const MOST_NAMED = 5;

/** Whether the rows that the server runs on are what the log says, and whether all that was done is on it. */
export const rows: Check<ServerFacts> = {
  name: 'rows',
  async look({ client }) {
    const { checked, differences, unchecked } = await auditLog(client);
    const untold = unchecked.length === 0 ? '' : `; of ${unchecked.length} the log doesn’t say everything`;
    if (differences.length === 0) return [ok(this.name, `${checked} streams agree with the log${untold}`)];
    const named = differences.slice(0, MOST_NAMED).map(({ stream, why }) => `${stream}: ${why}`);
    const more =
      differences.length > MOST_NAMED ? `; and ${differences.length - MOST_NAMED} more (headgate log audit)` : '';
    return [
      wrong(
        this.name,
        `${named.join('; ')}${more}`,
        'promote nothing, keep a copy of the database as it is, and find out who wrote to it',
      ),
    ];
  },
};
