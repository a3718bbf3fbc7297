/** How the installation stands, as a scrape of a real server tells it, and the alerts that are written on it. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RealServer, until } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';

const RULES = fileURLToPath(new URL('../../../../docs/operations/headgate-rules.yaml', import.meta.url));
const PAGE = fileURLToPath(new URL('../../../../docs/operations/observe.md', import.meta.url));

let server: RealServer;
let away = '';
let text = '';

const value = (metric: string) => {
  const line = text.split('\n').find((each) => each.startsWith(`${metric} `));
  return line === undefined ? undefined : Number(line.slice(metric.length));
};

beforeAll(async () => {
  away = await mkdtemp(join(tmpdir(), 'headgate-backups-'));
  // One that takes backups by itself: it says all that any server says.
  server = await RealServer.start({ args: ['--backup-to', away] });
  const company = await SmallCompany.found(server);
  const release = await company.release('2.0.0');
  const [developer, approver, operator, admin, auditor] = await Promise.all(
    ['developer', 'approver', 'operator', 'admin', 'auditor'].map((role) => server.client(role)),
  );
  const ask = async (environment: string) =>
    (await developer!.call('requestPromotion', { body: { release, environment } })).id;
  const ended = async (promotion: string) => (await auditor!.call('showPromotion', { promotion })).phase === 'ended';
  const staged = await ask('staging');
  await company.carryOut(async () => ended(staged));
  await approver!.call('rejectPromotion', { promotion: await ask('production'), body: { reason: 'not this week' } });
  const back = await ask('production');
  const { envelope } = await auditor!.call('showPromotion', { promotion: back });
  await approver!.call('approvePromotion', { promotion: back, body: { envelope } });
  await company.carryOut(async () => (await auditor!.call('showPromotion', { promotion: back })).wave > 0);
  await operator!.call('rollBackPromotion', { promotion: back, body: { reason: 'it is slow' } });
  await company.carryOut(async () => ended(back));
  await ask('production');
  await ask('production');
  await operator!.call('declareFreeze', { body: { scope: 'all', reason: 'the books are closed', forMs: 3_600_000 } });
  await admin!.call('enrolAgent', { body: { id: 'agt_late', environments: ['staging'] } });
  await until(
    'a scrape tells all of it',
    async () => {
      text = await auditor!.call('metrics');
      const of = '{environment="production",application="shop"}';
      return (
        value(`headgate_approvals_waiting${of}`) === 2 &&
        value('headgate_agents{environment="staging",state="never"}') === 1
      );
    },
    30_000,
  );
}, 120_000);
afterAll(async () => {
  await server?.remove();
  if (away !== '') await rm(away, { recursive: true, force: true });
});

describe('a scrape', () => {
  it.each([
    ['headgate_standing_known', 1],
    ['headgate_promotions_open{environment="production",application="shop",phase="awaiting"}', 2],
    ['headgate_promotions_going_back{environment="production",application="shop"}', 0],
    ['headgate_promotions_ended_total{environment="staging",application="shop",result="promoted"}', 1],
    ['headgate_promotions_ended_total{environment="staging",application="shop",result="expired"}', 0],
    ['headgate_promotions_ended_total{environment="production",application="shop",result="rejected"}', 1],
    ['headgate_promotions_ended_total{environment="production",application="shop",result="rolled-back"}', 1],
    ['headgate_rollbacks_total{environment="production",application="shop"}', 1],
    ['headgate_rollbacks_total{environment="staging",application="shop"}', 0],
    ['headgate_freezes_active{scope="all"}', 1],
    ['headgate_agents{environment="production",state="seen"}', 1],
    ['headgate_agents{environment="staging",state="seen"}', 1],
    ['headgate_agents{environment="staging",state="silent"}', undefined],
    ['headgate_deliveries_unsent', 0],
  ])('says %s %s', (metric, expected) => {
    expect(value(metric)).toBe(expected);
  });

  it('says how long an approval has been waited for, and that nothing lags', () => {
    const waited = value('headgate_approval_oldest_seconds{environment="production",application="shop"}') as number;
    expect(waited).toBeGreaterThan(0);
    expect(waited).toBeLessThan(600);
    for (const metric of ['headgate_due_lag_seconds', 'headgate_log_unplaced_oldest_seconds'])
      expect(value(metric)).toBeLessThan(60);
  });

  it('is for whoever may read, and names nobody and no promotion', async () => {
    const stranger = await fetch(`${server.url}/metrics`);
    expect(stranger.status).toBe(401);
    expect(await stranger.text()).not.toContain('headgate_');
    expect(text).not.toMatch(/prm_|usr_|agt_|acme|bolt/);
  });
});

describe('the alerts and the page about them', () => {
  /** Names of metrics in a text, without what a histogram appends. */
  const named = (of: string) => [
    ...new Set([...of.matchAll(/\bheadgate_[a-z_]+/g)].map(([name]) => name.replace(/_(count|sum|bucket)$/, ''))),
  ];

  it('name only what a server measures, and the page names all of it', async () => {
    const measured = new Set([...text.matchAll(/^# TYPE (headgate_\S+)/gm)].map(([, name]) => name));
    const [rules, page] = await Promise.all([readFile(RULES, 'utf8'), readFile(PAGE, 'utf8')]);
    expect(named(rules).filter((name) => !measured.has(name))).toEqual([]);
    expect(named(page).filter((name) => !measured.has(name))).toEqual([]);
    expect([...measured].filter((name) => !named(page).includes(name as string))).toEqual([]);
  });

  it.skipIf(!hasPromtool())('are well-formed for Prometheus’ own program', () => {
    expect(execFileSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })).toContain('16 rules found');
  });
});

function hasPromtool(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
