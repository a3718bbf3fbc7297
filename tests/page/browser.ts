/** For tests only: the system's Chromium, driven by Playwright, with everything that its page complains of kept. */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPackages } from '@headgate/example-odoo/parts/debian-packages.ts';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

/** As root, and without a word to anybody but the page. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/**
 * Why the tests in a browser are left out, or nothing when they can run. With HEADGATE_REQUIRE_REAL=1 it is installed,
 * and a failure is one.
 */
export async function chromiumMissing(): Promise<string | undefined> {
  if (existsSync(PROGRAM)) return undefined;
  if (process.env.HEADGATE_REQUIRE_REAL === '1') {
    await installPackages(['chromium']);
    if (!existsSync(PROGRAM)) throw new Error(`Debian's chromium brought no ${PROGRAM}`);
    return undefined;
  }
  const why = 'Chromium is missing: apt-get install --no-install-recommends chromium';
  console.error(`Tests in the browser are left out: ${why}`);
  return why;
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, headless: true, args: FLAGS });
}

/** One person's tab: storage of its own. `complaints` are errors of the console, scripts that broke, and CSP violations. */
export interface Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly complaints: string[];
}

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

export async function openTab(browser: Browser, url: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Tab> {
  const context = await browser.newContext({ viewport: WIDE, colorScheme, baseURL: url, locale: 'en-GB' });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, context, complaints };
}

/** Signs in at an address with the token of a role's first user, as it lies in a server's folder. */
export async function signIn(tab: Tab, dataDir: string, role: string, at = '/'): Promise<void> {
  const token = (await readFile(join(dataDir, 'secrets', `${role}.token`), 'utf8')).trim();
  await tab.page.goto(at);
  await tab.page.getByLabel('Token', { exact: true }).fill(token);
  await tab.page.getByRole('button', { name: 'Sign in' }).click();
  await tab.page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** By how many pixels a page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
}

/** A picture of the whole page at both widths, if HEADGATE_SCREENSHOTS names a folder for them; answers the overflow of the narrow one. */
export async function atBothWidths(page: Page, name: string): Promise<number> {
  const folder = process.env.HEADGATE_SCREENSHOTS;
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const picture = async (width: string) => {
    if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: true });
  };
  await picture('wide');
  await page.setViewportSize(NARROW);
  await picture('narrow');
  const over = await overflow(page);
  await page.setViewportSize(WIDE);
  return over;
}
