/** The page in a real browser, served by a real server with its database; an agent that says it did what it was asked. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { didIt, SmallCompany } from '@headgate/server/testing/small-company';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atBothWidths, chromiumMissing, openTab, signIn, startBrowser, type Tab } from './browser.ts';

const missing = await chromiumMissing();

/** Markup, and an override that would turn what follows around. */
const HOSTILE = '<img src=x onerror="document.title=\'taken\'"> \u202Egpj.exe';

let server: RealServer;
let company: SmallCompany;
let browser: Browser;
let release: Awaited<ReturnType<SmallCompany['release']>>;

describe.skipIf(missing)('the page', () => {
  beforeAll(async () => {
    server = await RealServer.start();
    company = await SmallCompany.found(server);
    release = await company.release('2.0.0');
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });

  const tokenOf = async (role: string) =>
    (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim();

  async function signedIn(role: string, at = '/'): Promise<Tab> {
    const tab = await openTab(browser, server.url);
    await signIn(tab, server.dataDir, role, at);
    return tab;
  }
  async function promote(environment: string): Promise<string> {
    const developer = await server.client('developer');
    const { id } = await developer.call('requestPromotion', { body: { release, environment } });
    await until('it waits', async () => {
      const { phase } = await developer.call('showPromotion', { promotion: id });
      return phase === 'awaiting' || phase === 'advancing';
    });
    return id;
  }
  const phaseOf = async (promotion: string) =>
    (await (await server.client('auditor')).call('showPromotion', { promotion })).phase;

  it('refuses a token that is nobody’s, and keeps a good one out of every address', async () => {
    const { page, context } = await openTab(browser, server.url);
    await page.goto('/');
    await page.getByLabel('Token', { exact: true }).fill('usr_nobody.nöthing');
    await page.getByText('an unusual character in it').waitFor();
    await page.getByLabel('Token', { exact: true }).fill('usr_nobody.nothing');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('the token is nobody’s here').waitFor();
    expect(await atBothWidths(page, 'sign-in')).toBeLessThanOrEqual(0);
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url()));
    const token = await tokenOf('auditor');
    await page.getByLabel('Token', { exact: true }).fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(addresses.length).toBeGreaterThan(2);
    expect(addresses.filter((url) => url.includes(token) || !url.startsWith(server.url))).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate('sessionStorage.length + document.cookie.length')).toBe(0);
    await context.close();
  });

  it('shows what is where, what moves and who is waited for, and a promotion from its approval to its way back, live', async () => {
    const id = await promote('production');
    const { page, context, complaints } = await signedIn('approver');

    // What is where, in the pipeline's order, and who is waited for.
    await page.getByRole('table', { name: 'cells of production' }).getByText('2 tenants').waitFor();
    // The pipeline's order is asked for by itself, and may arrive after the cells.
    const environments = () => page.getByRole('heading', { level: 3 }).allTextContents();
    await expect.poll(environments).toEqual(['staging', 'production']);
    await page.getByText('approver', { exact: true }).first().waitFor();
    expect(await atBothWidths(page, 'overview')).toBeLessThanOrEqual(0);
    await page.getByRole('link', { name: 'shop 2.0.0 to production' }).first().click();

    // A promotion that waits: its gates, its plan, and what this person may do, and not, and why.
    await page.getByRole('table', { name: 'gates' }).getByText('pending').waitFor();
    await page.getByText('route acme to slot green').first().waitFor();
    const pause = page.getByRole('button', { name: 'Pause' });
    expect(await pause.getAttribute('aria-disabled')).toBe('true');
    await page.getByText(/pause takes one of the roles operator/).waitFor();
    await page.getByText('1 passed, 0 failed').waitFor();
    expect(await atBothWidths(page, 'promotion-waiting')).toBeLessThanOrEqual(0);

    // Approved with what it binds to on the screen; Escape leaves it.
    await page.getByRole('button', { name: 'Approve' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('You approve the envelope').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect((await (await server.client('auditor')).call('showPromotion', { promotion: id })).approvals).toEqual([]);
    await page.getByRole('button', { name: 'Approve' }).click();
    await dialog.getByText('You approve the envelope').waitFor();
    expect(await atBothWidths(page, 'approve')).toBeLessThanOrEqual(0);
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await page.getByText(/usr_approver, .*their token was used/).waitFor();

    // Its steps, as the agent carries them out; the page isn't loaded again.
    await page.evaluate('window.sameDocument = true');
    let carried = 0;
    const counted = (assignment: Parameters<typeof didIt>[0]) => {
      carried += 1;
      return didIt(assignment);
    };
    await company.carryOut(async () => carried >= 3, counted);
    await page.locator('.steps li[data-stands=done]').nth(2).waitFor();
    await page.getByRole('status', { name: 'Updates: live' }).waitFor();
    expect(await page.evaluate('window.sameDocument')).toBe(true);
    expect(await atBothWidths(page, 'promotion-moving')).toBeLessThanOrEqual(0);

    // Another person pauses it with hostile words, which are text here and there.
    const operator = await signedIn('operator', `/promotions/${id}`);
    await operator.page.getByRole('button', { name: 'Pause' }).click();
    await operator.page.getByLabel('Reason').fill(HOSTILE);
    await operator.page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    for (const each of [operator.page, page]) {
      await each.getByText('‹U+202E›gpj.exe').first().waitFor();
      await each.getByText('<img src=x').first().waitFor();
      expect(await each.locator('img').count()).toBe(0);
      expect(await each.title()).toMatch(/ · Headgate$/);
    }
    expect(await atBothWidths(operator.page, 'promotion-paused')).toBeLessThanOrEqual(0);

    // The way back: what it does and loses is said before it is asked for.
    await operator.page.getByRole('button', { name: 'Roll back' }).click();
    const back = operator.page.getByRole('dialog');
    await back.getByText('route acme to slot blue').waitFor();
    await back.getByText('Nothing that was written is lost.').waitFor();
    expect(await back.getByRole('button', { name: 'Roll back' }).isDisabled()).toBe(true);
    await back.getByLabel('Reason').fill('it is slow');
    expect(await atBothWidths(operator.page, 'roll-back')).toBeLessThanOrEqual(0);
    await back.getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('heading', { name: 'The way back' }).waitFor();
    await company.carryOut(async () => (await phaseOf(id)) === 'ended');
    await page.getByText('rolled back', { exact: true }).waitFor();
    await page.locator('section[aria-label="the way back"] li[data-stands=done]').first().waitFor();
    // What has ended has nothing to press; who asks why finds it, folded away.
    const done = page.getByRole('region', { name: 'What you can do' });
    await done.getByText('It has ended, and stays as it is.').waitFor();
    expect(await done.getByRole('button').count()).toBe(0);
    expect(await done.getByText('it ended: rolled-back').isVisible()).toBe(false);
    expect(await atBothWidths(page, 'promotion-ended')).toBeLessThanOrEqual(0);
    await done.getByText('Why there is nothing to press').click();
    await done.getByText('Roll back: ').waitFor();
    expect(await atBothWidths(page, 'promotion-ended-why')).toBeLessThanOrEqual(0);

    await page.getByRole('link', { name: 'the cell live itself' }).first().click();
    await page.getByRole('table', { name: 'tenants' }).getByText('acme').waitFor();
    expect(await atBothWidths(page, 'cell')).toBeLessThanOrEqual(0);
    await page.getByRole('link', { name: 'Promotions' }).click();
    await page.getByRole('table', { name: 'promotions' }).getByText('rolled back').waitFor();
    expect(await atBothWidths(page, 'promotions')).toBeLessThanOrEqual(0);

    expect(complaints).toEqual([]);
    expect(operator.complaints).toEqual([]);
    await context.close();
    await operator.context.close();
  });

  it('says what is frozen and changed by hand, in the dark too', async () => {
    const operator = await server.client('operator');
    const freeze = { scope: 'production', name: 'payroll', to: Date.now() + 3_600_000, reason: HOSTILE };
    await operator.call('declareFreeze', { body: freeze });
    const state = company.observation('stage', 'staging');
    const stores = { main: { schemaVersion: 1, drift: [HOSTILE] } };
    await company.agent.call('observeCell', { cell: 'stage', body: { ...state, stores } });
    const { page, context, complaints } = await signedIn('auditor');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByText('Frozen: no step forward begins').waitFor();
    await page.getByText(/store main was changed by hand: <img src=x/).waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(await atBothWidths(page, 'overview-dark')).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await company.agent.call('observeCell', { cell: 'stage', body: state });
    await operator.call('liftFreeze', { scope: 'production', name: 'payroll', body: { reason: 'paid' } });
    await page.getByText('Frozen: no step forward begins').waitFor({ state: 'hidden' });
    await page.getByText('was changed by hand').waitFor({ state: 'hidden' });
    await context.close();
  });

  it('shows who approves what an agent would refuse, before they do', async () => {
    const looks = (policy: string) => {
      const told = { policy, documents: 'any', signed: 'false' } as const;
      return company.agent.call('observeCell', {
        cell: 'live',
        ...told,
        body: company.observation('live', 'production'),
      });
    };
    await looks(`sha256:${'0'.repeat(64)}`);
    const id = await promote('production');
    const { page, context, complaints } = await signedIn('approver', `/promotions/${id}`);
    const objection = /the agent agt_shop of production holds policy sha256:000000000000, and this plan is made under/;
    await page.getByText(objection).first().waitFor();
    expect(await atBothWidths(page, 'promotion-objected')).toBeLessThanOrEqual(0);
    await page.getByRole('button', { name: 'Approve' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('An agent would refuse it as things are').waitFor();
    await dialog.getByText(objection).waitFor();
    // What is to be carried over stands there whole.
    await dialog.getByText(/policyDigest: sha256:[0-9a-f]{64}/).waitFor();
    expect(await atBothWidths(page, 'approve-objected')).toBeLessThanOrEqual(0);
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await page
      .getByText(
        /^It waits to open wave 1 of 2: its agent would refuse it: cell live: the agent agt_shop of production holds policy/,
      )
      .waitFor();
    expect(await phaseOf(id)).toBe('awaiting');
    const manager = await server.client('release-manager');
    await manager.call('rejectPromotion', { promotion: id, body: { reason: 'another time' } });
    await looks('any');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('draws the beginning of 10,000 tenants, and finds the one that is looked for', async () => {
    const manager = await server.client('release-manager');
    const text = `apiVersion: headgate/v1
kind: Cell
metadata: {name: big, owner: team-shop}
spec: {environment: production, slots: [blue, green], stores: [{name: main}]}
`;
    await manager.call('applyDocuments', { body: { files: [{ name: 'big.yaml', text }] } });
    const tenant = { slot: 'blue', store: 'main', ring: 'broad' };
    const tenants = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`t-${i}`, tenant]));
    const body = { ...company.observation('big', 'production'), tenants };
    await company.agent.call('observeCell', { cell: 'big', body });
    const { page, context, complaints } = await signedIn('auditor', '/cells/big');
    await page.getByRole('heading', { name: 'Tenants (10,000)' }).waitFor();
    const rows = page.getByRole('table', { name: 'tenants' }).locator('tbody tr');
    expect(await rows.count()).toBe(50);
    await page.getByRole('button', { name: '9,950 more rows' }).waitFor();
    await page.getByLabel('Find a tenant').fill('t-9876');
    await expect.poll(() => rows.count()).toBe(1);
    expect(await atBothWidths(page, 'cell-big')).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('leads back to the sign-in when the token isn’t taken any more, and from there to the same page', async () => {
    const id = await promote('staging');
    const { page, context } = await signedIn('auditor', `/promotions/${id}`);
    await page.getByRole('heading', { name: 'shop 2.0.0 to staging' }).waitFor();
    await page.evaluate('sessionStorage.setItem("headgate.token", "usr_auditor.forgotten")');
    await page.reload();
    await page.getByText('The server doesn’t take this token any more').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await page.getByLabel('Token', { exact: true }).fill(await tokenOf('auditor'));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'shop 2.0.0 to staging' }).waitFor();
    await context.close();
  });

  it('runs nothing that doesn’t come from the server, and can be walked by keyboard', async () => {
    const { page, context, complaints } = await signedIn('auditor');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.goto('/promotions/prm_nothing');
    await page.getByText('headgate status').or(page.getByRole('alert')).first().waitFor();
    await expect(page.addScriptTag({ content: 'document.title = "taken"' })).rejects.toThrow();
    expect(await page.title()).toMatch(/ · Headgate$/);
    expect(complaints.some((text) => /Content Security Policy/.test(text))).toBe(true);
    await context.close();
  });
});
