/** Each figure of a run, turned bad: whoever counts must notice. */
import { historyFindings } from '../kill/audit/history.ts';
import { type Findings, targetFindings } from './findings.ts';

/** Whether each harm to the record was seen, by its name. */
export function sabotaged({ history, records }: Findings): Readonly<Record<string, boolean>> {
  const { entries } = history;
  const middle = entries.findIndex(({ type }) => type === 'rollout.leased');
  const entry = entries[middle];
  if (entry === undefined) throw new Error('nothing was leased in this run');
  const historyOf = (changed: typeof entries): boolean => historyFindings({ ...history, entries: changed }).length > 0;
  const targets = (changed: typeof records): boolean =>
    Object.values(targetFindings(changed, entries)).some((found) => found.length > 0);
  const moved = records.findIndex((record) => record.routeChanges.length > 0);
  const migrated = records.findIndex((record) => record.migrations.length > 0);
  const lost = { stream: 'promotion/prm_x', version: 1, type: 'promotion.requested' };
  return {
    'an entry that is missing': historyOf(entries.toSpliced(middle, 1)),
    'an entry that stands twice': historyOf(entries.toSpliced(middle, 0, entry)),
    'an acknowledged request that is nowhere':
      historyFindings({ ...history, acknowledged: [...history.acknowledged, lost] }).length > 0,
    'a tenant that was moved twice for a step': targets(
      records.map((r, i) => (i === moved ? { ...r, routeChanges: [...r.routeChanges, r.routeChanges.at(-1)!] } : r)),
    ),
    'a migration that was carried out twice': targets(
      records.map((r, i) =>
        i === migrated
          ? { ...r, schemaChanges: [...r.schemaChanges, { ...r.schemaChanges.at(-1)!, xid: 'again' }] }
          : r,
      ),
    ),
  };
}
