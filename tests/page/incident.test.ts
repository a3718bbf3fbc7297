/** An incident at three in the morning, in a real browser: which tenants, which transactions, whom to call; freezing, and out again. */
import { type RolloutEntry, transactionsOf } from '@headgate/domain';
import { RealServer } from '@headgate/server/testing/real-server';
import { PEOPLE, TroubledCompany } from '@headgate/server/testing/troubled-company';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atBothWidths, chromiumMissing, NARROW, openTab, overflow, signIn, startBrowser, type Tab } from './browser.ts';

const missing = await chromiumMissing();

/** What the step of a way back reported, as its rollout's stream has it. */
const CAUGHT: RolloutEntry = {
  cell: 'shared',
  at: 1_700_000_000_000,
  event: {
    type: 'rollout.step-done',
    data: {
      step: 'recover.reconcile.main',
      n: 9,
      until: 0,
      lookAt: 0,
      result: {
        reconciliation: {
          compared: 9,
          replayed: 2,
          acknowledged: 1,
          asked: 2,
          classes: { 'half-done': 3, doubled: 2 },
          sums: [{ field: 'total', unit: 'EUR', left: '11900', right: '11901' }],
          agrees: false,
        },
      },
    },
  },
};

let server: RealServer;
let troubled: TroubledCompany;
let browser: Browser;

async function signedIn(role: string, at: string, colour: 'light' | 'dark' = 'light'): Promise<Tab> {
  const tab = await openTab(browser, server.url, colour);
  await signIn(tab, server.dataDir, role, at);
  return tab;
}

/** Who stands on the screen as held. */
async function heldOnScreen({ page }: Tab): Promise<readonly string[]> {
  const rows = page.getByRole('table', { name: 'tenants that it reaches' }).locator('tbody tr');
  await rows.first().waitFor();
  const texts = await rows.evaluateAll((all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent ?? '')),
  );
  return texts.flatMap(([tenant, stands]) => (stands === 'held' ? [tenant?.replace(/live$/, '').trim() ?? ''] : []));
}

describe.skipIf(missing)('the page of an incident', () => {
  beforeAll(async () => {
    server = await RealServer.start();
    troubled = await TroubledCompany.found(server);
    browser = await startBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });

  it('shows on one screen who is held, what failed, what changed, what can be done, and whom to call first', async () => {
    const { page, context, complaints } = await signedIn('operator', '/incident');
    await page.getByRole('heading', { name: 'Incident', exact: true }).waitFor();
    expect(await page.title()).toBe('Incident · Headgate');
    const tenants = page.getByRole('table', { name: 'tenants that it reaches' });
    await tenants.getByText('acme', { exact: true }).waitFor();
    expect(await heldOnScreen({ page, context, complaints })).toEqual(['acme']);
    const rows = await tenants.locator('tbody tr').allInnerTexts();
    expect(rows[0]).toMatch(/acme[\s\S]*held[\s\S]*1\.0\.0[\s\S]*gold/);
    expect(rows[1]).toMatch(/bolt[\s\S]*not held/);
    const calls = page.getByRole('list', { name: 'whom to call, first one first' }).getByRole('listitem');
    expect(await calls.count()).toBe(3);
    expect(await calls.first().textContent()).toContain(PEOPLE.onCall);
    expect(await calls.first().getByRole('link').getAttribute('href')).toBe('tel:+442079460018');
    await page.getByText('the ledger said 500').first().waitFor();
    await page.getByText('Not known: The application declares no Reconciliation', { exact: false }).waitFor();
    await page.getByText('asked for by usr_developer', { exact: false }).waitFor();
    const runbook = page.getByRole('link', { name: 'Ledger down' });
    expect(await runbook.getAttribute('href')).toBe('https://runbooks.example/ledger');
    await page.getByLabel('Environment').selectOption('staging');
    await page.getByText('Nothing is known to be wrong', { exact: false }).waitFor();
    await page.getByLabel('Environment').selectOption('');
    await tenants.getByText('acme', { exact: true }).waitFor();
    expect(await atBothWidths(page, 'incident')).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('names what a reconciliation caught by its class, and the sums where they differ', async () => {
    const tab = await openTab(browser, server.url);
    await tab.page.route('**/v1/incident?*', async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as {
        matters: { promotion: { transactions: object } | null }[];
      };
      for (const { promotion } of answer.matters) {
        if (promotion === null) continue;
        const { transactions } = promotion;
        const told = transactionsOf({ entries: [CAUGHT], reconciles: true, goesBack: true, unread: 0, cut: 0 });
        Object.assign(transactions, { reconciled: told.reconciled, lines: told.lines });
      }
      await route.fulfill({ response, json: answer });
    });
    await signIn(tab, server.dataDir, 'operator', '/incident');
    const { page } = tab;
    await page.getByText('9 compared (3 half done, 2 doubled), 2 replayed', { exact: false }).first().waitFor();
    await page.getByText('the sum of total in EUR is 11900 in the store', { exact: false }).first().waitFor();
    expect(await atBothWidths(page, 'incident-reconciled')).toBeLessThanOrEqual(0);
    expect(tab.complaints).toEqual([]);
    await tab.page.unrouteAll({ behavior: 'ignoreErrors' });
    await tab.context.close();
  });

  it('tells what people reconciled and where one could fail over to', async () => {
    const tab = await openTab(browser, server.url);
    const of = { environment: 'live', cell: 'shared', store: 'main', at: CAUGHT.at, by: 'usr_ann' };
    const seen = { at: CAUGHT.at, cell: 'shared', store: 'main', standing: 'following', paused: true };
    await tab.page.route('**/v1/incident?*', async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as object;
      const reconciled = [{ ...of, agrees: false, words: '3 posted; total in EUR still differs by 1.00' }];
      const standbys = [
        { ...seen, name: 'second-site', state: 'not-ready', words: 'it no longer replays', mend: 'start it again' },
      ];
      await route.fulfill({ response, json: { ...answer, reconciled, standbys } });
    });
    await signIn(tab, server.dataDir, 'operator', '/incident');
    const people = tab.page.getByRole('region', { name: 'What people reconciled' });
    expect(await people.textContent()).toContain('live/shared/main');
    expect(await people.textContent()).toMatch(/by usr_ann: 3 posted; total in EUR still differs by 1\.00 differs/);
    const standby = tab.page.getByRole('region', { name: 'Where one could fail over to' });
    expect(await standby.textContent()).toMatch(/shared\/main, second-site: not ready it no longer replays/);
    expect(await standby.textContent()).toContain('To mend: start it again');
    expect(await atBothWidths(tab.page, 'incident-beside')).toBeLessThanOrEqual(0);
    expect(tab.complaints).toEqual([]);
    await tab.page.unrouteAll({ behavior: 'ignoreErrors' });
    await tab.context.close();
  });

  it('is seen to be wrong when a held tenant is dropped from what feeds it', async () => {
    const tab = await openTab(browser, server.url);
    await tab.page.route('**/v1/incident?*', async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as { tenants: { items: { held: boolean }[] } };
      const items = answer.tenants.items.filter(({ held }) => !held);
      await route.fulfill({ response, json: { ...answer, tenants: { ...answer.tenants, items } } });
    });
    await signIn(tab, server.dataDir, 'operator', '/incident');
    expect(await heldOnScreen(tab)).not.toEqual(['acme']);
    await tab.context.close();
  });

  it('reads in the dark on a phone, by keyboard, and whoever may not act learns why', async () => {
    const { page, context, complaints } = await signedIn('auditor', '/incident', 'dark');
    await page.getByRole('table', { name: 'tenants that it reaches' }).waitFor();
    expect(await atBothWidths(page, 'incident-dark')).toBeLessThanOrEqual(0);
    await page.setViewportSize(NARROW);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    const freeze = page.getByRole('button', { name: 'Freeze now' });
    await freeze.focus();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Freeze now');
    expect(await freeze.getAttribute('aria-disabled')).toBe('true');
    await page.getByText(/freeze takes one of the roles/).waitFor();
    await freeze.press('Enter');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('freezes with the consequence shown and a reason, says so over every page, and is lifted with a reason', async () => {
    const { page, context, complaints } = await signedIn('operator', '/incident');
    const onlooker = await signedIn('approver', '/');
    await page.getByRole('button', { name: 'Freeze now' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('What', { exact: true }).selectOption('all');
    await dialog.getByText('1 promotion going back, which nothing stops', { exact: false }).waitFor();
    await dialog.getByText('It does not end by itself.', { exact: false }).waitFor();
    const send = dialog.getByRole('button', { name: 'Freeze everything' });
    expect(await send.isDisabled()).toBe(true);
    await dialog.getByLabel('Reason').fill('the ledger burns');
    expect(await atBothWidths(page, 'freeze-dialog')).toBeLessThanOrEqual(0);
    await send.click();
    await dialog.waitFor({ state: 'hidden' });
    for (const each of [page, onlooker.page]) {
      const banner = each.getByRole('complementary', { name: 'Frozen' });
      await banner.getByText('the ledger burns').waitFor();
      await banner.getByText('until somebody lifts it').waitFor();
    }
    expect(await onlooker.page.getByRole('button', { name: 'Lift' }).count()).toBe(0);
    await page.getByRole('link', { name: 'Freezes' }).click();
    await page.getByRole('table', { name: 'freezes' }).getByText('usr_operator').waitFor();
    expect(await atBothWidths(page, 'freezes')).toBeLessThanOrEqual(0);
    await page.getByRole('button', { name: 'Lift', exact: true }).click();
    const lift = page.getByRole('dialog');
    await lift.getByLabel('Reason').fill('it is out');
    expect(await atBothWidths(page, 'lift-dialog')).toBeLessThanOrEqual(0);
    await lift.getByRole('button', { name: 'Lift the freeze' }).click();
    await page.getByText('Nothing is frozen.').waitFor();
    await onlooker.page.getByRole('complementary', { name: 'Frozen' }).waitFor({ state: 'hidden' });
    expect([...complaints, ...onlooker.complaints]).toEqual([]);
    await context.close();
    await onlooker.context.close();
  });

  it('lists releases, promotions by what they are, and the log with its newest entry first', async () => {
    const { page, context, complaints } = await signedIn('operator', '/releases');
    const releases = page.getByRole('table', { name: 'releases' });
    await releases.getByText('shop 2.0.0').waitFor();
    await releases.getByText('1 statement: 1 passed, 0 failed').waitFor();
    expect(await atBothWidths(page, 'releases')).toBeLessThanOrEqual(0);
    await page.getByLabel('Application').fill('bank');
    await page.getByText('bank has none.').waitFor();
    await page.getByRole('link', { name: 'Promotions' }).click();
    await page.getByLabel('Environment').selectOption('staging');
    await page.getByText('Nobody has asked for a promotion to staging yet', { exact: false }).waitFor();
    await page.getByLabel('Environment').selectOption('production');
    await page.getByRole('link', { name: 'shop 2.0.0 to production' }).waitFor();
    await page.getByRole('link', { name: 'Log' }).click();
    const log = page.getByRole('table', { name: 'entries of the log' });
    await log.getByText('freeze.lifted').waitFor();
    const places = (await log.locator('tbody tr td:first-child').allInnerTexts()).map(Number);
    expect(places).toEqual([...places].sort((a, b) => b - a));
    expect(await atBothWidths(page, 'log')).toBeLessThanOrEqual(0);
    const first = log.getByRole('cell', { name: '0', exact: true });
    const more = page.getByRole('button', { name: 'More' });
    // The button goes with the last page, at any moment.
    const deeper = async () => {
      if (await more.isVisible()) await more.click({ timeout: 500 }).catch(() => {});
      return first.count();
    };
    await expect.poll(deeper, { timeout: 20_000 }).toBe(1);
    await page.getByLabel('Of what is shown, only with').fill('freeze.');
    await expect.poll(() => log.locator('tbody tr').count()).toBe(2);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('says what it can’t know when nobody observes a cell, and no calm that it doesn’t know of', async () => {
    const { page, context } = await signedIn('operator', '/incident');
    await troubled.company.carryOut(async () => {
      const auditor = await server.client('auditor');
      return (await auditor.call('showPromotion', { promotion: troubled.promotion })).phase === 'ended';
    });
    await troubled.hold(false);
    await page.getByText('went wrong, and ended').waitFor();
    await page.getByLabel('Looking back').selectOption('1');
    await page.getByText('rolled-back').first().waitFor();
    await context.close();
  });
});
