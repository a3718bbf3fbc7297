/** How the page keeps up: with the server away and back, and where it can't follow the log. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumMissing, openTab, signIn, startBrowser } from './browser.ts';

const missing = await chromiumMissing();

let server: RealServer;
let company: SmallCompany;
let browser: Browser;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

describe.skipIf(missing)('the page', () => {
  beforeAll(async () => {
    server = await RealServer.start({ args: ['--port', String(await freePort())] });
    company = await SmallCompany.found(server);
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });

  const promote = async (release: `sha256:${string}`) => {
    const developer = await server.client('developer');
    return developer.call('requestPromotion', { body: { release, environment: 'production' } });
  };

  it('goes on behind the last entry that it saw when the server comes back, and shows what happened meanwhile', async () => {
    const release = await company.release('2.0.0');
    const { id } = await promote(release);
    const tab = await openTab(browser, server.url);
    const places: number[] = [];
    tab.page.on('request', (request) => {
      const { pathname, searchParams } = new URL(request.url());
      if (pathname === '/v1/events') places.push(Number(searchParams.get('after') ?? Number.NaN));
    });
    await signIn(tab, server.dataDir, 'auditor', `/promotions/${id}`);
    await tab.page.getByRole('status', { name: 'Updates: live' }).waitFor();
    const manager = await server.client('release-manager');
    const seen = { scope: 'production', name: 'one', to: Date.now() + 3_600_000, reason: 'first' };
    await manager.call('declareFreeze', { body: seen });
    await tab.page.goto('/');
    await tab.page.getByText('Frozen').first().waitFor();
    await tab.page.getByRole('status', { name: 'Updates: live' }).waitFor();
    await manager.call('declareFreeze', { body: { ...seen, name: 'two', reason: 'the second one' } });
    await tab.page.getByText('the second one').first().waitFor();

    await server.stop();
    await tab.page.getByRole('status', { name: 'Updates: every 5 s' }).waitFor();
    // What is known stays on the screen, with the trouble above it.
    await tab.page.getByText('the second one').first().waitFor();
    await server.start();
    await (await server.client('release-manager')).call('declareFreeze', {
      body: { ...seen, name: 'three', reason: 'the third one' },
    });
    await tab.page.getByText('the third one').first().waitFor();
    await tab.page.getByRole('status', { name: 'Updates: live' }).waitFor();
    expect(places.length).toBeGreaterThanOrEqual(3);
    expect(places.every((place) => Number.isSafeInteger(place))).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places.at(-1)).toBeGreaterThan(places[0] as number);
    await tab.context.close();
  });

  it('shows what happens on a busy log although each answer takes longer than the next entry', async () => {
    const tab = await openTab(browser, server.url);
    for (const address of ['**/v1/status', '**/v1/freezes'])
      await tab.page.route(address, async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 900));
        await route.continue().catch(() => {});
      });
    await signIn(tab, server.dataDir, 'auditor');
    await tab.page.getByRole('status', { name: 'Updates: live' }).waitFor();
    await tab.page.getByRole('heading', { name: 'What is where' }).waitFor();
    const manager = await server.client('release-manager');
    const shown = tab.page.getByText('the flood').first();
    const to = Date.now() + 3_600_000;
    for (let i = 0; i < 150 && !(await shown.isVisible()); i++) {
      await manager.call('declareFreeze', {
        body: { scope: 'all', name: 'flood', to: to + i, reason: `the flood ${i}` },
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await shown.isVisible()).toBe(true);
    await tab.context.close();
  });

  it('asks by itself where it can’t follow the log', async () => {
    const tab = await openTab(browser, server.url);
    await tab.page.route('**/v1/events*', (route) => route.abort());
    await signIn(tab, server.dataDir, 'auditor');
    await tab.page.getByRole('status', { name: 'Updates: every 5 s' }).waitFor();
    const freeze = { scope: 'all', name: 'four', to: Date.now() + 3_600_000, reason: 'the fourth one' };
    await (await server.client('release-manager')).call('declareFreeze', { body: freeze });
    // Over the page, and as what the open promotion waits for.
    await tab.page.getByText('the fourth one').first().waitFor();
    await tab.context.close();
  });
});
