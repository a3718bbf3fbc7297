/**
 * Proof that the counting can fail: each kind of harm is done on purpose, at the target, to a world whose counts were
 * sound, and must be seen. Nothing of it is undone: the world is thrown away.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openAuditTargets } from '../../examples/psa/bring-up/audit-targets.ts';
import { readJournal } from '../../examples/psa/load/journal.ts';
import { routeFindings, schemaFindings, servedFindings } from './audit/effects.ts';
import { historyFindings } from './audit/history.ts';
import { postingFindings } from './audit/postings.ts';
import { crowded, slotFindings, soleFolders } from './audit/processes.ts';
import { customersView } from './audit/requests.ts';
import { restorePointFindings } from './audit/restore-points.ts';
import { readWitness, withStore } from './audit/witness.ts';
import { type Findings, lost, settledLog } from './findings.ts';
import type { Scenario } from './scenario.ts';

/** Whether each harm was seen, by its name. */
export async function sabotage(scenario: Scenario, found: Findings): Promise<Readonly<Record<string, boolean>>> {
  const { world, journalFile, session } = scenario;
  const cells = world.example.cells;
  const shared = cells.find(({ cell }) => cell.cell === 'shared')!;
  const configs = cells.map(({ config }) => config);
  const { history } = found;
  const seen: Record<string, boolean> = {};
  const targets = await openAuditTargets(world.example);
  try {
    // A migration that was carried out twice.
    await withStore(shared, (client) => client.query('alter table project add column twice int'));
    seen['a schema change that no migration accounts for'] = schemaFindings(await readWitness(shared)).length > 0;

    // A tenant that was moved a second time for the same step, and one that nobody's assignment moved.
    const before = await readWitness(shared);
    const [last] = before.routeChanges.slice(-1);
    const again = { ...before, routeChanges: [...before.routeChanges, last!] };
    seen['a tenant moved twice for a step'] = routeFindings(again, history.entries).length > 0;
    await withStore(shared, (client) =>
      client.query(`update headgate.route set slot = slot || '-', n = n + 1000 where tenant = 'int-1'`),
    );
    seen['a tenant moved by nobody'] = routeFindings(await readWitness(shared), history.entries).length > 0;
    const flapping = ['blue', 'green', 'blue', 'green', 'blue', 'green', 'blue'];
    const answers = flapping.map((slot) => ({ tenant: 'brd-1', slot }));
    seen['answers that change slot more often than their tenant'] = servedFindings(answers, [before]).length > 0;

    // A posting under a second key, and a posting that the ERP accepted twice.
    await targets.erp.query(
      `INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents)
       SELECT key || ' again', fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents FROM ledger_entry LIMIT 1`,
    );
    seen['a doubled posting'] = (await postingFindings(targets.erp)).length > 0;

    // A write that is gone.
    const invoice = await firstInvoice(journalFile, 'brd-1');
    await withStore(shared, (client) =>
      client.query(`update invoice set total_cents = total_cents + 1 where tenant_id = 'brd-1' and number = $1`, [
        invoice,
      ]),
    ).catch(() => undefined);
    await withStore(shared, (client) =>
      client.query(`update project set name = name || ' changed' where tenant_id = 'brd-1'`),
    );
    seen['a write that was lost'] = (await lost(journalFile, targets)).length > 0;

    // A restore point that was taken twice, and one that is half made.
    const folder = Object.values(shared.config.stores)[0]!.restorePointsDir;
    const name = (await readdir(folder)).find((each) => /^rp-[0-9a-z-]+$/.test(each))!;
    await mkdir(join(folder, 'rp-again'));
    await cp(join(folder, name, 'manifest.json'), join(folder, 'rp-again', 'manifest.json'));
    seen['a restore point taken twice'] = (await restorePointFindings(cells)).some((each) =>
      each.includes('2 restore'),
    );

    // A second process of a component, and a file of a release that was changed.
    const sole = soleFolders(configs).find((each) => each.endsWith('router'))!;
    const child = spawn('sleep', ['60'], { cwd: sole, stdio: 'ignore' });
    await once(child, 'spawn');
    seen['a process that runs twice'] = crowded(soleFolders(configs)).length > 0;
    child.kill('SIGKILL');
    const file = (await readdir(join(shared.config.dir, 'slots'), { recursive: true })).find((each) =>
      /web\.[cm]?[jt]s$/.test(each),
    )!;
    await writeFile(join(shared.config.dir, 'slots', file), '// changed');
    seen['a changed file of a release'] = slotFindings(configs).length > 0;

    // A request that failed although no store was dead.
    await writeFile(
      journalFile,
      `${JSON.stringify({ kind: 'failed', tenant: 'brd-1', action: 'summary', key: 'k', attempt: 1, at: 1, ms: 1, why: 'sabotage' })}\n`,
      { flag: 'a' },
    );
    const view = await customersView(
      journalFile,
      cells.map(({ cell }) => cell),
      session.kills,
    );
    seen['a request that failed for no reason'] = view.findings.length > 0;

    // A history that lost an entry in the middle, at the end, or never had it.
    const { entries } = history;
    const middle = entries.findIndex(({ type }) => type === 'rollout.leased');
    seen['an entry that is missing in the middle'] =
      historyFindings({ ...history, entries: entries.toSpliced(middle, 1) }).length > 0;
    seen['an entry that is missing at the end'] =
      historyFindings({
        ...history,
        entries: entries.filter(
          ({ stream, version }) => !isLast(stream, version, entries) || !stream.startsWith('rollout/'),
        ),
      }).length > 0;
    const made = { stream: 'rollout/prm_x.shared', version: 1, type: 'rollout.opened' };
    seen['an acknowledged commit that is nowhere'] =
      historyFindings({ ...history, acknowledged: [...history.acknowledged, made] }).length > 0;
    // The whole chain, once more, on the real log: cut by the server, held by the agent.
    seen['the untouched log'] = (await settledLog(world)).ok;
  } finally {
    await targets.close();
  }
  return seen;
}

function isLast(stream: string, version: number, entries: Findings['history']['entries']): boolean {
  return !entries.some((each) => each.stream === stream && each.version > version);
}

async function firstInvoice(journalFile: string, tenant: string): Promise<number> {
  for await (const line of readJournal(journalFile))
    if (line.kind === 'acknowledged' && line.action === 'invoice' && line.tenant === tenant)
      return Number(line.answer.number);
  throw new Error(`${tenant} has no invoice`);
}
