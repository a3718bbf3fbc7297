/** What a cell's router refuses, as its agent saw it, on the pages where somebody would look for it. */
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atBothWidths, chromiumMissing, openTab, signIn, startBrowser } from './browser.ts';

const missing = await chromiumMissing();

let server: RealServer;
let company: SmallCompany;
let browser: Browser;

describe.skipIf(missing)('closed operations', () => {
  beforeAll(async () => {
    server = await RealServer.start();
    company = await SmallCompany.found(server);
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });

  it('are on the overview, the page of their cell and that of an open promotion there, with since and until when', async () => {
    const since = Date.now() - 3_600_000;
    const closed = [
      { operation: 'file-return', tenants: 2, slot: 'green', since },
      { operation: 'post-invoice', tenants: 1, since, until: since + 7_200_000 },
    ];
    const cell = 'live';
    const body = { ...company.observation(cell, 'production'), closed };
    await company.agent.call('observeCell', { cell, body });
    const release = await company.release('2.0.0');
    const developer = await server.client('developer');
    const { id } = await developer.call('requestPromotion', { body: { release, environment: 'production' } });

    const tab = await openTab(browser, server.url);
    await signIn(tab, server.dataDir, 'auditor', '/');
    const { page, context } = tab;
    await page.getByText('closed: file-return, post-invoice').waitFor();
    expect(await atBothWidths(page, 'overview-closed')).toBeLessThanOrEqual(0);
    for (const path of [`/cells/${cell}`, `/promotions/${id}`]) {
      await page.goto(path);
      await page.getByText('Closed operations').waitFor();
      const alert = page.getByRole('alert').filter({ hasText: 'Closed operations' });
      const said = ((await alert.textContent()) ?? '').replace(/\s+/g, ' ');
      expect(said).toMatch(
        /file-return in cell \S+ on slot green for 2 tenants, since .* until it is activated by the release’s promotion/,
      );
      expect(said).toMatch(/post-invoice in cell \S+ for 1 tenant, since .*, until .*, then it opens by itself/);
      expect(await atBothWidths(page, `closed-${path.split('/')[1]}`)).toBeLessThanOrEqual(0);
    }
    await context.close();
  });
});
