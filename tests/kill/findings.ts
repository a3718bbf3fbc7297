/** Counts everything that a telling did, at its target. An empty list is what each of these should be. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agreement, lostWrites } from '../../examples/psa/audit.ts';
import { type AuditTargets, openAuditTargets } from '../../examples/psa/bring-up/audit-targets.ts';
import { type ReadLog, readLog } from '../../examples/psa/demo/log.ts';
import { until } from '../../examples/psa/demo/until.ts';
import type { World } from '../../examples/psa/demo/world.ts';
import { routeFindings, schemaFindings, servedFindings } from './audit/effects.ts';
import { historyFindings, type RecordedHistory } from './audit/history.ts';
import { postingFindings } from './audit/postings.ts';
import { slotFindings } from './audit/processes.ts';
import { customersView } from './audit/requests.ts';
import { restorePointFindings } from './audit/restore-points.ts';
import { readWitness } from './audit/witness.ts';
import { declaredIn, plansIn, treeSize } from './recorded.ts';
import type { Scenario } from './scenario.ts';

export interface Findings {
  readonly requests: number;
  readonly excusedRequests: number;
  readonly logEntries: number;
  readonly history: RecordedHistory;
  readonly log: ReadLog;
  /** By what was counted. */
  readonly wrong: Readonly<Record<string, readonly string[]>>;
}

/** Waits until books and log have settled, then counts. */
export async function findingsOf(scenario: Scenario): Promise<Findings> {
  const { world, session, journalFile, crowded, told } = scenario;
  const { cells } = world.example;
  const targets = await openAuditTargets(world.example);
  try {
    const agrees = async (): Promise<true | undefined> => ((await agreement(targets)).agrees ? true : undefined);
    await until('the books to agree', 30_000, agrees, 500).catch(() => {});
    const log = await settledLog(world);
    const history: RecordedHistory = {
      entries: log.content,
      acknowledged: session.acknowledged(),
      plans: await plansIn(await world.client('auditor'), log.content),
      documents: declaredIn(scenario.documents),
    };
    const records = await Promise.all(cells.map(readWitness));
    const customers = await customersView(
      journalFile,
      cells.map(({ cell }) => cell),
      session.kills,
    );
    const wrong = {
      'not got over': session.kills.flatMap(({ point, trouble }) =>
        trouble === undefined ? [] : [`${point.id}: ${trouble}`],
      ),
      'died by itself': session.surprises,
      'asked a person': told.flatMap(({ asked }) => asked),
      'schema changes': records.flatMap(schemaFindings),
      'tenants moved': records.flatMap((record) => routeFindings(record, log.content)),
      'tenants served': servedFindings(customers.answers, records),
      'requests failed': customers.findings,
      'writes lost': await lost(journalFile, targets),
      'postings doubled': await postingFindings(targets.erp),
      'books apart': (await agreement(targets)).first,
      'restore points': await restorePointFindings(cells),
      'processes doubled': crowded,
      'files in slots': slotFindings(cells.map(({ config }) => config)),
      'log not verified': log.ok ? [] : [log.why ?? 'no reason was given'],
      history: historyFindings(history),
    };
    return {
      requests: customers.requests,
      excusedRequests: customers.excused,
      logEntries: log.entries,
      history,
      log,
      wrong,
    };
  } finally {
    await targets.close();
  }
}

export async function lost(journalFile: string, { stores }: AuditTargets): Promise<readonly string[]> {
  return (await lostWrites({ journalFile, stores })).first;
}

/** The log against the head that the agent holds, once that covers everything that was acknowledged. */
export async function settledLog(world: World): Promise<ReadLog> {
  const auditor = await world.client('auditor');
  const signed = treeSize(await auditor.call('logHead'));
  await until('the agent to hold the newest tree head', 20_000, async () =>
    treeSize(await readFile(world.headFile, 'utf8')) >= signed ? true : undefined,
  );
  return readLog(auditor, { head: world.headFile, trust: join(world.dataDir, 'agent', 'trust.yaml') });
}
