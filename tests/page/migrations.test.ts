/** What migrations took, on a promotion's page in a real browser. */
import { digestOf } from '@headgate/documents';
import { attachRehearsal } from '@headgate/server/testing/attach-rehearsal';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { didIt, SmallCompany } from '@headgate/server/testing/small-company';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atBothWidths, chromiumMissing, openTab, signIn, startBrowser } from './browser.ts';

const missing = await chromiumMissing();

let server: RealServer;
let company: SmallCompany;
let browser: Browser;

describe.skipIf(missing)('a promotion’s page', () => {
  beforeAll(async () => {
    server = await RealServer.start();
    company = await SmallCompany.found(server);
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });

  it('says of each migration what it took and what was promised, the slow ones first, as soon as it ran', async () => {
    const developer = await server.client('developer');
    const wide = { schemaRange: { min: 1, max: 3 } };
    const promote = async (release: Awaited<ReturnType<SmallCompany['release']>>) => {
      const { id } = await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
      const ended = async () => (await developer.call('showPromotion', { promotion: id })).phase === 'ended';
      return { id, ended };
    };
    const first = await promote(await company.release('1.1.0', wide));
    await company.carryOut(first.ended);

    const up = { name: 'up.sql', digest: digestOf(company.artifact), size: company.artifact.length };
    const migration = { id: '003', from: 2, to: 3 };
    const migrations = [
      { id: '002', from: 1, to: 2, phase: 'expand', up, undo: 'keep' },
      { ...migration, phase: 'expand', up, undo: 'keep' },
    ];
    const release = await company.release('3.0.0', { ...wide, migrations });
    await attachRehearsal(company, developer, release, migration, 2_200);
    const { id, ended } = await promote(release);
    const { page, context, complaints } = await openTab(browser, server.url);
    await signIn({ page, context, complaints }, server.dataDir, 'auditor', `/promotions/${id}`);
    await page.getByRole('heading', { name: 'Evidence' }).waitFor();
    const section = page.getByRole('region', { name: 'Migrations, as they were rehearsed' });
    expect(await section.count()).toBe(0);

    const times = [
      { migration: '002', durationMs: 1_200 },
      { migration: '003', durationMs: 9_000 },
    ];
    await company.carryOut(ended, (assignment) =>
      assignment.action.kind === 'migrate'
        ? { kind: 'done', result: { schemaVersion: 3, migrations: times } }
        : didIt(assignment),
    );
    await until('it is told', async () => (await section.count()) === 1);
    const items = section.getByRole('listitem');
    await items.nth(1).waitFor();
    expect(await items.allTextContents()).toEqual([
      'slower stage/main: migration 003: 9.0 s, 4.1 times what the rehearsal promised (2.2 s on a copy of stage/main)',
      'not rehearsed stage/main: migration 002: 1.2 s, not rehearsed',
    ]);
    expect(await atBothWidths(page, 'promotion-migrations')).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await context.close();
  }, 60_000);
});
