/** Counts what a run left, at its targets and on the log. An empty list is what each of these should be. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import type { LogEntry } from '@headgate/documents';
import pg from 'pg';
import { readLog } from '../../examples/psa/demo/log.ts';
import { until } from '../../examples/psa/demo/until.ts';
import { routeFindings, schemaFindings } from '../kill/audit/effects.ts';
import { historyFindings, type RecordedHistory } from '../kill/audit/history.ts';
import { slotFindings } from '../kill/audit/processes.ts';
import { restorePointFindings } from '../kill/audit/restore-points.ts';
import { readWitness, type StoreRecord } from '../kill/audit/witness.ts';
import { declaredIn, plansIn, treeSize } from '../kill/recorded.ts';
import type { Installation, SmallSystem } from './installation.ts';
import type { LightCell } from './light-cell.ts';
import { documentsOf } from './systems.ts';

export interface Findings {
  readonly logEntries: number;
  readonly logBytes: number;
  readonly history: RecordedHistory;
  readonly records: readonly StoreRecord[];
  /** Rows that were folded and compared. */
  readonly rowsAudited: number;
  /** By what was counted. */
  readonly wrong: Readonly<Record<string, readonly string[]>>;
}

/** Waits until every agent holds the newest head, then counts. `asked`: ids of promotions whose request was acknowledged. */
export async function findingsOf(
  installation: Installation,
  asked: readonly string[],
  more: Readonly<Record<string, readonly string[]>>,
): Promise<Findings> {
  const { systems } = installation;
  const auditor = await installation.client('auditor');
  const logs = await Promise.all(systems.map((system) => settledLog(auditor, system)));
  const entries = logs[0]?.content ?? [];
  const history: RecordedHistory = {
    entries,
    acknowledged: asked.map((id) => ({ stream: `promotion/${id}`, version: 1, type: 'promotion.requested' })),
    plans: await plansIn(auditor, entries),
    documents: declaredIn(systems.map(({ application }) => documentsOf(application))),
  };
  const cells = systems.flatMap((system) => system.cells);
  const records = await Promise.all(cells.map(readWitness));
  const rows = await auditedRows(auditor);
  return {
    logEntries: entries.length,
    logBytes: await bytesOnLog(installation),
    history,
    records,
    rowsAudited: rows.checked,
    wrong: {
      ...more,
      'not ended': await notEnded(auditor),
      'log not verified': logs.flatMap((log) => (log.ok ? [] : [log.why ?? 'no reason was given'])),
      history: historyFindings(history),
      'rows apart from the log': rows.differences,
      ...targetFindings(records, entries),
      'restore points': await restorePointFindings(cells),
      'files in slots': slotFindings(cells.map(({ config }) => config)),
      'served otherwise than decided': (await Promise.all(cells.map((cell) => servedOtherwise(auditor, cell)))).flat(),
    },
  };
}

/** What the stores' own witnesses tell against the log. Pure. */
export function targetFindings(
  records: readonly StoreRecord[],
  entries: readonly LogEntry[],
): Readonly<Record<string, readonly string[]>> {
  return {
    'schema changes': records.flatMap(schemaFindings),
    'tenants moved': records.flatMap((record) => routeFindings(record, entries)),
  };
}

async function settledLog(auditor: Client, { agentDir, application }: SmallSystem) {
  const signed = treeSize(await auditor.call('logHead'));
  const head = join(agentDir, 'tree-head.note');
  await until(`the newest tree head in the hands of ${application}'s agent`, 30_000, async () =>
    treeSize(await readFile(head, 'utf8')) >= signed ? true : undefined,
  );
  return readLog(auditor, { head, trust: join(agentDir, 'trust.yaml') });
}

/** What the entries themselves take, without the tree above them. */
async function bytesOnLog({ database }: Installation): Promise<number> {
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ bytes: string }>(
      'select sum(octet_length(bytes)) as bytes from headgate.entry',
    );
    return Number(rows[0]?.bytes);
  } finally {
    await client.end();
  }
}

async function notEnded(auditor: Client): Promise<readonly string[]> {
  const { items } = await auditor.call('listPromotions', { open: 'true', limit: 200 });
  return items.map(({ id, phase, reason, until: to }) => `${id} is ${phase}: ${reason ?? ''}, until ${to}`);
}

async function auditedRows(auditor: Client): Promise<{ checked: number; differences: readonly string[] }> {
  let checked = 0;
  const differences: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await auditor.call('auditLog', { limit: 500, ...(cursor !== undefined && { cursor }) });
    checked += page.checked;
    differences.push(...page.differences.map(({ stream, field, why }) => `${stream} ${field}: ${why}`));
    if (page.next === null) return { checked, differences };
    cursor = page.next;
  }
}

/** Each tenant gets the answers of the version that the control plane wants it to have. */
async function servedOtherwise(auditor: Client, cell: LightCell): Promise<readonly string[]> {
  const { cell: name } = cell.cell;
  const { desired } = await auditor.call('showCell', { cell: name });
  if (desired === null) return [`${name} is under nobody's control`];
  const findings: string[] = [];
  for (const [tenant, { slot }] of Object.entries(desired.tenants)) {
    const wanted = desired.slots[slot]?.release?.version;
    const served = await cell.versionServed(tenant);
    if (served !== wanted) findings.push(`${name}/${tenant} is served by ${served}, and should be by ${wanted}`);
  }
  return findings;
}
