// A browser for tests: Debian's chromium, driven by playwright; what it says in its console is kept.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { screenshots } from './monitor';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const complaints: string[] = [];

export function launch(): Promise<Browser> {
  const executablePath = PLACES.find((place) => existsSync(place));
  assert.ok(executablePath, `there is no browser at ${PLACES.join(', ')}`);
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}

/** A page whose complaints are collected; `expected` ones are not. */
export async function open(browser: Browser, options: BrowserContextOptions = {}, expected: RegExp | null = null): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US', timezoneId: 'UTC', colorScheme: 'light', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complain = (text: string): void => {
    if (expected === null || !expected.test(text)) complaints.push(`${page.url()}: ${text}`);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complain(message.text());
  });
  page.on('pageerror', (error) => complain(error.message));
  return { context, page };
}

/** All that was asked for is there. */
export async function settled(page: Page): Promise<void> {
  await page.locator('[data-connection=live]').waitFor();
  await page.waitForFunction(() => document.querySelector('.skeleton, [aria-busy=true]') === null);
}

export async function shoot(page: Page, name: string, fullPage = false): Promise<void> {
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage });
}

interface Finding {
  id: string;
  impact: string | null;
  help: string;
  nodes: { html: string }[];
}

/** Fails if axe finds anything that is serious or critical. */
export async function accessible(page: Page): Promise<void> {
  // Through the debugging protocol, which the page's security policy does not bind.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: { run: (root: Document, options: object) => Promise<{ violations: Finding[] }> } }).axe.run;
    return (await run(document, { resultTypes: ['violations'] })).violations;
  });
  const bad = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(
    bad.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes
      .slice(0, 3)
      .map((node) => node.html)
      .join(' | ')}`),
    [],
    page.url(),
  );
}

/** Nothing is wider than the window. */
export async function fits(page: Page): Promise<void> {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(beyond <= 0, `${page.url()} is ${beyond} pixels too wide`);
}
