// The dashboard in a browser, against a monitor that watches real traffic. In order: later tests look at what earlier ones let pass.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TOP_KINDS, type Flows, type LogRecord } from '../../src/api';
import { EXAMPLES } from '../../src/lib/examples';
import { TABLES } from '../../src/lib/tables';
import { accessible, complaints, fits, launch, open, settled, shoot } from './browser';
import { Monitor, output, stopAll, traffic, work } from './monitor';

const PAGES = ['', 'flows', 'hosts', 'hosts?address=203.0.113.10', 'applications', 'tcp', 'dns', 'tls', 'sensor', 'query'];
const nameOf = (path: string): string => (path === '' ? 'now' : path.replace('?address=203.0.113.10', '-one'));

const monitor = new Monitor('monitor', 7701, [`store.path=${join(work, 'store')}`, 'store.flush_every=1s', 'flow.udp_idle=2s', 'flow.tcp_idle=10s', 'flow.active_timeout=3s', 'facts.names=true']);

let browser: Browser;
let page: Page;

before(async () => {
  traffic();
  await monitor.start();
  browser = await launch();
  ({ page } = await open(browser));
});

after(async () => {
  await browser?.close();
  stopAll();
});

const go = async (path: string): Promise<void> => {
  await page.goto(`${monitor.url}/${path}`);
  await settled(page);
};
const delivered = (): Promise<number> => page.locator('.ledger .full').innerText().then((text) => Number(text.replace(/\D/g, '')));
const ask = async <T>(path: string): Promise<T> => (await (await fetch(`${monitor.url}/api/v1/${path}`)).json()) as T;

/** Waits until this is so. */
async function until(what: string, check: () => Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await check())) {
    assert.ok(Date.now() < end, `not within ${ms} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

describe('dashboard', () => {
  it('shows traffic as it comes', async () => {
    await go('');
    await until('packets are counted', async () => (await delivered()) > 0);
    const first = await delivered();
    await until('more packets are counted', async () => (await delivered()) > first);
    assert.match(await page.locator('.ledger').innerText(), /0 lost/);
    assert.match(await page.locator('.ledger').innerText(), /books balance/);
    await page.locator('section.hosts', { hasText: '203.0.113.10' }).waitFor();
    // What the page says is what the monitor says.
    const ledger = await ask<{ frames: { delivered: number } }>('ledger');
    assert.ok(ledger.frames.delivered >= first);
  });

  it('has conversations in its history', async () => {
    await until(
      'all kinds of conversations are in the history',
      async () => {
        const { rows } = await ask<Flows>(`flows?from=0&to=${Date.now()}&limit=1000`);
        const seen = new Set(rows.flatMap((row) => [row['service'], row['conn_state']]));
        return ['dns', 'http', 'ssl', 'ssh', 'REJ', 'S0', 'SF'].every((one) => seen.has(one));
      },
      60_000,
    );
  });

  for (const theme of ['light', 'dark'] as const) {
    it(`every page, ${theme}: shown, without complaint, for everybody`, async () => {
      const { context, page: own } = await open(browser, { colorScheme: theme });
      for (const path of PAGES) {
        await own.goto(`${monitor.url}/${path}`);
        await settled(own);
        if (path === '') await own.waitForTimeout(1500);
        assert.equal(await own.locator('.state-title.bad').count(), 0, `an error is shown on /${path}: ${await own.locator('main').innerText()}`);
        assert.equal(await own.locator('html').getAttribute('data-theme'), theme);
        await accessible(own);
        await fits(own);
        await shoot(own, `${nameOf(path)}-${theme}`, true);
      }
      await context.close();
    });
  }

  const has = (row: LogRecord, name: string, value: unknown): boolean => row[name] === value;
  const either = (row: LogRecord, name: string, value: unknown): boolean => has(row, `id.orig_${name}`, value) || has(row, `id.resp_${name}`, value);
  const number = (row: LogRecord, name: string): number => Number(row[name] ?? 0);
  const bytes = (row: LogRecord): number => number(row, 'orig_ip_bytes') + number(row, 'resp_ip_bytes');
  const filters: [string, (row: LogRecord) => boolean][] = [
    ['203.0.113.53', (row) => either(row, 'h', '203.0.113.53')],
    ['host:10.77.0.2', (row) => either(row, 'h', '10.77.0.2')],
    ['src:10.77.0.3', (row) => has(row, 'id.orig_h', '10.77.0.3')],
    ['dst:2001:db8::10', (row) => has(row, 'id.resp_h', '2001:db8::10')],
    ['net:203.0.113.0/24', (row) => either(row, 'h', '203.0.113.10') || /^203\.0\.113\./.test(String(row['id.resp_h']))],
    ['port:443', (row) => either(row, 'p', 443)],
    ['dport:53', (row) => has(row, 'id.resp_p', 53)],
    ['proto:udp', (row) => has(row, 'proto', 'udp')],
    ['service:dns', (row) => has(row, 'service', 'dns')],
    ['state:REJ', (row) => has(row, 'conn_state', 'REJ')],
    ['-proto:tcp', (row) => !has(row, 'proto', 'tcp')],
    ['bytes>10kB', (row) => bytes(row) > 10_000],
    ['duration>1s', (row) => number(row, 'duration') > 1e9],
    ['service:ssh or state:S0', (row) => has(row, 'service', 'ssh') || has(row, 'conn_state', 'S0')],
    ['(dport:80 or dport:443) -service:http', (row) => (has(row, 'id.resp_p', 80) || has(row, 'id.resp_p', 443)) && !has(row, 'service', 'http')],
    ['service:"http"', (row) => has(row, 'service', 'http')],
  ];

  it('every kind of filter finds what it says, and nothing else', async () => {
    // A range that stays, so that nothing is asked anew in between.
    await go(`flows?from=${Date.now() - 3_600_000}&to=${Date.now()}`);
    const field = page.getByRole('combobox', { name: 'Filter' });
    for (const [filter, fits_] of filters) {
      const answered = page.waitForResponse((response) => response.url().includes('/api/v1/flows?') && new URL(response.url()).searchParams.get('filter') === filter);
      await field.fill(filter);
      await field.press('Escape');
      await field.press('Enter');
      const found = (await (await answered).json()) as Flows;
      assert.ok(found.rows.length > 0, `nothing found: ${filter}`);
      for (const row of found.rows) assert.ok(fits_(row), `${filter} found ${JSON.stringify(row)}`);
      await settled(page);
      assert.equal(await page.locator('table.flows tbody tr').count(), found.rows.length);
    }
  });

  it('a filter that is wrong is told, and one that finds nothing says what to do', async () => {
    await go('flows');
    const field = page.getByRole('combobox', { name: 'Filter' });
    await field.fill('(port:443');
    await page.locator('#filter-problem').waitFor();
    await field.fill('port:1');
    await field.press('Escape');
    await field.press('Enter');
    await page.getByText('No flow matches.').waitFor();
    await shoot(page, 'flows-none');
  });

  it('the filter completes fields and values', async () => {
    await go('flows');
    await page.keyboard.press('/');
    await page.keyboard.type('serv');
    await page.getByRole('option', { name: 'service:' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('option', { name: 'dns' }).waitFor();
    await shoot(page, 'flows-completion');
    await page.keyboard.type('dn');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await until('the filter is in the address', async () => new URL(page.url()).searchParams.get('filter') === 'service:dns');
  });

  it('a click on a value filters by it, with Alt without it; back undoes it', async () => {
    await go('flows');
    await page.locator('table.flows .value', { hasText: /^http$/ }).first().click();
    await until('the term is there', async () => new URL(page.url()).searchParams.get('filter') === 'service:http');
    await settled(page);
    await page.locator('table.flows .value', { hasText: /^SF$/ }).first().click({ modifiers: ['Alt'] });
    await until('both are', async () => new URL(page.url()).searchParams.get('filter') === 'service:http -state:SF');
    await page.getByRole('button', { name: 'Remove service:http' }).click();
    await until('one is gone', async () => new URL(page.url()).searchParams.get('filter') === '-state:SF');
    await page.goBack();
    await page.goBack();
    assert.equal(new URL(page.url()).searchParams.get('filter'), 'service:http');
  });

  it('columns are chosen, and a link holds them', async () => {
    await go('flows');
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('checkbox', { name: 'history' }).check();
    await page.getByRole('checkbox', { name: 'app', exact: true }).uncheck();
    await page.keyboard.press('Escape');
    const heads = page.locator('table.flows thead');
    await heads.getByText('history').waitFor();
    await until('a history is shown', async () => /^[A-Za-z^]{2,}$/.test(await page.locator('table.flows tbody td.mono').first().innerText()));
    const { context, page: other } = await open(browser);
    await other.goto(page.url());
    await settled(other);
    await other.locator('table.flows thead').getByText('history').waitFor();
    assert.equal(await other.locator('table.flows thead').getByText('product').count(), 0);
    await context.close();
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('button', { name: 'Standard columns' }).click();
  });

  it('pages on, and back to the first', async () => {
    await until('there are more than a page', async () => (await ask<Flows>(`flows?from=0&to=${Date.now()}&limit=200`)).rows.length > 150);
    await go('flows?range=1h');
    const uids = (): Promise<string[]> => page.locator('table.flows tbody tr td:nth-child(3)').allInnerTexts();
    await uids();
    await page.getByRole('button', { name: 'Next page' }).click();
    await until('the cursor is in the address', async () => new URL(page.url()).searchParams.has('cursor'));
    await settled(page);
    const answer = new URL(page.url()).searchParams;
    assert.ok(answer.has('from') && answer.has('to'), 'a cursor holds in a range that stays');
    assert.ok((await page.locator('table.flows tbody tr').count()) > 0);
    await page.getByRole('button', { name: 'First page' }).click();
    await until('the cursor is gone', async () => !new URL(page.url()).searchParams.has('cursor'));
  });

  it('one flow: its ends, TCP health, its application records', async () => {
    await go('flows?filter=service:ssl+state:SF');
    await page.locator('table.flows tbody tr').first().getByRole('button', { name: 'Details' }).click();
    const drawer = page.getByRole('complementary', { name: 'Flow' });
    await drawer.getByText('TCP health').waitFor();
    await drawer.getByText('TLSv12').first().waitFor();
    await drawer.getByText('intranet.example.net').first().waitFor();
    await accessible(page);
    await shoot(page, 'flow');
    const link = page.url();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    await page.goto(link);
    await drawer.getByText('TLSv12').first().waitFor();
    await go('flows?filter=service:dns');
    await page.locator('table.flows tbody tr').first().click();
    await drawer.getByText('NOERROR').or(drawer.getByText('NXDOMAIN')).first().waitFor();
  });

  it('a flow that goes on is listed, and said to', async () => {
    await go('flows?filter=dport:7000');
    const row = page.locator('table.flows tbody tr', { hasText: 'running' });
    await row.waitFor();
    assert.equal(await row.count(), 1);
    await shoot(page, 'flows-running');
    await row.getByRole('button', { name: 'Details' }).click();
    await page.getByRole('complementary', { name: 'Flow' }).getByText('While it went on').waitFor();
    await shoot(page, 'flow-running');
  });

  it('dragging over a chart zooms all pages, and the link holds it', async () => {
    await go('?range=5m');
    await page.waitForTimeout(500);
    const chart = page.locator('.u-over').first();
    const box = await chart.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.97, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await until('the range is in the address', async () => new URL(page.url()).searchParams.has('from'));
    const zoomed = new URL(page.url()).searchParams;
    const width = Number(zoomed.get('to')) - Number(zoomed.get('from'));
    // The chart of a run that has just begun is as wide as the run is old, and at least a minute.
    const { uptime_ms } = await (await page.request.get(new URL('/api/v1/status', page.url()).href)).json();
    const dragged = 0.07 * Math.min(300_000, Math.max(60_000, uptime_ms));
    assert.ok(Math.abs(width - dragged) < 0.3 * dragged, `${width} ms, where ${dragged} were dragged over`);
    await settled(page);
    await shoot(page, 'zoomed');
    await page.keyboard.press('g');
    await page.keyboard.press('f');
    await until('the range goes along', async () => page.url().includes('/flows') && new URL(page.url()).searchParams.get('from') === zoomed.get('from'));
    await page.keyboard.press('z');
    await until('wider', async () => Number(new URL(page.url()).searchParams.get('to')) - Number(new URL(page.url()).searchParams.get('from')) > 1.5 * width);
    await page.keyboard.press('.');
    await until('back to now', async () => !new URL(page.url()).searchParams.has('from'));
  });

  it('between two bursts of the history nothing is drawn', async () => {
    const { context, page: own } = await open(browser);
    const to = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;
    const points = [to - 3_000_000, to - 600_000].map((ts) => [ts, 8000, 10, 2]);
    await own.route(/\/api\/v1\/rates\?/, (route) => route.fulfill({ json: { step_ms: 60_000, from: 'store', complete: true, series: [{ name: '', points }] } }));
    await own.goto(`${monitor.url}/flows?from=${to - 3_600_000}&to=${to}`);
    await settled(own);
    const chart = await own.locator('.u-over').boundingBox();
    assert.ok(chart);
    const legend = own.locator('.chart .legend-item');
    for (const [part, shown] of [
      [1 / 6, /2 \/s/],
      [1 / 2, /0 \/s/],
      [5 / 6, /2 \/s/],
    ] as const) {
      await own.mouse.move(chart.x + chart.width * part, chart.y + 20);
      await until(`${shown} at ${part}`, async () => shown.test(await legend.innerText()));
    }
    await context.close();
  });

  it('ranges by the picker: relative, another, absolute', async () => {
    await go('');
    const picker = page.getByRole('button', { name: /^Time range/ });
    await picker.click();
    await shoot(page, 'range-picker');
    await page.getByRole('button', { name: 'Last 6 hours' }).click();
    assert.equal(new URL(page.url()).searchParams.get('range'), '6h');
    await settled(page);
    await picker.click();
    await page.getByLabel('Another span').fill('45m');
    await page.keyboard.press('Enter');
    await until('45 minutes', async () => new URL(page.url()).searchParams.get('range') === '45m');
    await picker.click();
    await page.getByLabel('From').fill('2026-01-02T03:04:05');
    await page.getByLabel('To', { exact: true }).fill('2026-01-02T04:04:05');
    await page.getByRole('button', { name: 'Apply' }).click();
    await until('absolute', async () => new URL(page.url()).searchParams.get('from') === String(Date.UTC(2026, 0, 2, 3, 4, 5)));
    await settled(page);
    await page.getByText('Nothing in this range.').first().waitFor();
    await page.getByRole('button', { name: 'Later' }).click();
    assert.equal(new URL(page.url()).searchParams.get('from'), String(Date.UTC(2026, 0, 2, 4, 4, 5)));
  });

  it('from a host in the list to its page and its flows', async () => {
    await go('hosts');
    await page.getByRole('link', { name: '203.0.113.10', exact: true }).click();
    await until('its page', async () => new URL(page.url()).searchParams.get('address') === '203.0.113.10');
    await settled(page);
    await page.locator('section', { hasText: 'Services it offers' }).getByText('http', { exact: true }).first().waitFor();
    await page.locator('section', { hasText: 'Peers' }).getByRole('link', { name: '10.77.0.1' }).waitFor();
    await page.getByRole('link', { name: 'All its flows' }).click();
    await until('its flows', async () => new URL(page.url()).searchParams.get('filter') === 'host:203.0.113.10');
    await page.goto(`${monitor.url}/hosts?address=2001:db8::10`);
    await settled(page);
    await page.locator('section', { hasText: 'Peers' }).getByRole('link', { name: 'fd77::1' }).waitFor();
  });

  it('what the traffic was about', async () => {
    await go('dns');
    await page.locator('section', { hasText: 'Queries that fail' }).getByText('no0.example.org').first().waitFor();
    await go('tls');
    await page.locator('section', { hasText: 'Self-signed certificates' }).getByText('CN=intranet.example.net').first().waitFor();
    // What a table is about is in sight, also on a phone.
    for (const width of [1920, 1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      for (const [title, head] of [
        ['Certificates that expire soonest', 'valid until'],
        ['Self-signed certificates', 'valid until'],
        ['Ciphers, weak ones first', 'weak'],
      ] as const) {
        const panel = page.locator('section.panel').filter({ has: page.getByRole('heading', { name: title, exact: true }) });
        const [box, column] = [await panel.boundingBox(), await panel.locator('th', { hasText: head }).boundingBox()];
        assert.ok(box && column && column.x >= box.x && column.x + column.width <= box.x + box.width, `${head} of ${title} is out of sight at ${width}`);
      }
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await go('tcp');
    await page.locator('section', { hasText: 'Refused and unanswered' }).getByText('203.0.113.99').first().waitFor();
    await go('applications');
    for (const service of ['dns', 'http', 'ssl']) await page.getByRole('region').or(page.locator('section')).getByRole('link', { name: service, exact: true }).first().waitFor();
    await go('sensor');
    await page.getByText('on the wire of mon0').waitFor();
  });

  it('tables are shown as they come, and how many are there; what is not wanted any more is given up', async () => {
    const { context, page: own } = await open(browser, {}, /status of 500/);
    const panel = (title: string) => own.locator('section.panel').filter({ has: own.getByRole('heading', { name: title, exact: true }) });
    const soFar = own.locator('.so-far');
    const asked: string[] = [];
    let under = 0;
    let most = 0;
    let breaks = true;
    let release = (): void => {};
    let held = new Promise<void>((done) => (release = done));
    const over = (): void => void (under -= 1);
    own.on('response', (response) => /\/api\/v1\/tcp\?/.test(response.url()) && over());
    own.on('requestfailed', (request) => /\/api\/v1\/tcp\?/.test(request.url()) && over());
    await own.route(/\/api\/v1\/tcp\?/, async (route) => {
      const table = new URL(route.request().url()).searchParams.get('table') ?? '';
      asked.push(table);
      most = Math.max(most, (under += 1));
      if (table === 'rtt_by_network') await held;
      if (table === 'resets' && breaks) await route.fulfill({ status: 500, json: { error: { code: 'store', message: 'a file is broken' } } });
      // It may have been given up.
      else await route.continue().catch(() => {});
    });
    await own.goto(`${monitor.url}/tcp?from=${Date.now() - 3_600_000}&to=${Date.now()}`);
    await soFar.getByText('5 of 7 tables').waitFor();
    assert.deepEqual(asked, TABLES.tcp, 'as they are read');
    assert.equal(most, 2, 'at once');
    await panel('Refused and unanswered').getByText('203.0.113.99').first().waitFor();
    assert.equal(await panel('Refused and unanswered').getAttribute('aria-busy'), 'false');
    assert.equal(await panel('Round trips by network').getAttribute('aria-busy'), 'true');
    assert.equal(await panel('Round trips by network').locator('.skeleton').count(), 1);
    await panel('Resets by host').getByRole('alert').getByText('a file is broken').waitFor();
    await own.waitForTimeout(600);
    await accessible(own);
    await fits(own);
    await shoot(own, 'tcp-so-far', true);
    release();
    await settled(own);
    assert.equal(await soFar.count(), 0);
    await panel('Round trips by network').getByText('203.0.113.0/24').waitFor();
    breaks = false;
    await panel('Resets by host').getByRole('button', { name: 'Try again' }).click();
    await panel('Resets by host').locator('table, .state-title:not(.bad)').first().waitFor();

    held = new Promise<void>((done) => (release = done));
    await own.getByRole('button', { name: 'Earlier' }).click();
    await soFar.getByText('6 of 7 tables').waitFor();
    const given = own.waitForEvent('requestfailed', (request) => request.url().includes('table=rtt_by_network'));
    await own.getByRole('button', { name: 'Later' }).click();
    await given;
    release();
    await settled(own);
    await panel('Round trips by network').getByText('203.0.113.0/24').waitFor();
    await context.close();
  });

  it('SQL: every example runs; rows, chart, file, error', async () => {
    for (const [name] of EXAMPLES) {
      await go('query?range=1h');
      await page.getByRole('button', { name: 'Examples' }).click();
      await page.locator('.examples-sheet .choice').nth(EXAMPLES.findIndex(([one]) => one === name)).click();
      await page.getByText(/ rows in |The statement gave no rows/).first().waitFor();
      assert.equal(await page.locator('.state-title.bad').count(), 0, `${name}: ${await page.locator('main').innerText()}`);
      if (name !== 'rate') continue;
      await page.getByRole('button', { name: 'Chart', exact: true }).click();
      await page.locator('.u-over').waitFor();
      await shoot(page, 'query-chart');
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download CSV' }).click()]);
      const text = await readFile(await file.path(), 'utf8');
      assert.match(text, /^time,bytes,conns\r?\n\d{4}-/);
    }
    // The answer to a wrong statement is an error, and the browser says so too.
    const { context, page: own } = await open(browser, {}, /status of 400/);
    await own.goto(`${monitor.url}/query?sql=SELECT+nothing+FROM+nowhere`);
    await own.locator('.state-title.bad').waitFor();
    assert.match(await own.locator('[role=alert]').innerText(), /nowhere/);
    await context.close();
  });

  it('keys: the list of them, pages, theme', async () => {
    await go('');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await accessible(page);
    await shoot(page, 'keys');
    await page.keyboard.press('Escape');
    for (const [key, path] of [
      ['h', '/hosts'],
      ['a', '/applications'],
      ['t', '/tcp'],
      ['d', '/dns'],
      ['l', '/tls'],
      ['s', '/sensor'],
      ['q', '/query'],
      ['n', '/'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await until(`g ${key}`, async () => new URL(page.url()).pathname === path);
    }
    await page.keyboard.press('t');
    await until('dark', async () => (await page.locator('html').getAttribute('data-theme')) === 'dark');
    await page.keyboard.press('t');
  });

  it('phone width: every page fits, in both themes', async () => {
    const { context, page: own } = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
    for (const path of [...PAGES, 'flows?filter=service:dns']) {
      await own.goto(`${monitor.url}/${path}`);
      await settled(own);
      await fits(own);
      await own.getByRole('navigation').waitFor();
      await own.locator('.ledger').waitFor();
      if (!path.includes('filter')) await shoot(own, `phone-${nameOf(path)}`);
    }
    await accessible(own);
    await own.locator('table.flows tbody td').first().tap();
    await own.getByRole('complementary', { name: 'Flow' }).waitFor();
    await shoot(own, 'phone-flow');
    await context.close();
  });

  it('中文', async () => {
    const { context, page: own } = await open(browser, { locale: 'zh-CN' });
    for (const path of PAGES) {
      await own.goto(`${monitor.url}/${path}`);
      await settled(own);
      assert.equal(await own.locator('html').getAttribute('lang'), 'zh-CN');
      assert.match(await own.locator('h1').innerText(), path === 'dns' || path === 'tls' ? /DNS|TLS/ : /[\u4e00-\u9fff]/);
      await accessible(own);
      const shown = ['applications', 'tcp', 'dns', 'tls'].includes(path) ? await own.locator('main h2, table.data th').allInnerTexts() : [];
      for (const word of shown) assert.match(word, /[\u4e00-\u9fff]|^JA4$/, `not translated on /${path}`);
      if (path !== 'query' && !path.startsWith('hosts')) await shoot(own, `${nameOf(path)}-zh`, true);
    }
    // And back, by hand; it is remembered.
    await own.getByRole('button', { name: '设置' }).click();
    await own.getByRole('button', { name: 'English' }).click();
    await own.reload();
    await own.getByRole('heading', { level: 1, name: 'Query' }).waitFor();
    await context.close();
  });

  it('what the browser asks for is what the description of the API has', async () => {
    const description = await ask<{ paths: Record<string, object> }>('openapi.json');
    const paths = Object.keys(description.paths).map((path) => path.replace('/api/v1', ''));
    for (const path of ['/status', '/seconds', '/live', '/rates', '/top', '/flows', '/flows/{uid}', '/hosts/{address}', '/applications', '/tcp', '/dns', '/tls', '/tables', '/filter/fields', '/filter/check', '/alerts', '/session', '/login', '/logout', '/query'])
      assert.ok(paths.includes(path), `${path} is not in ${paths.join(' ')}`);
    for (const [page, tables] of Object.entries(TABLES)) {
      const named = Object.entries(await ask<Record<string, unknown>>(page)).filter(([, value]) => typeof value === 'object');
      assert.deepEqual(named.map(([name]) => name).sort(), [...tables].sort(), page);
    }
    for (const kind of TOP_KINDS) assert.ok(Array.isArray((await ask<{ rows: unknown[] }>(`top?kind=${kind}`)).rows), kind);
  });

  it('seven pages at once: all share one stream, whichever of them is closed', async () => {
    // The browser has six connections to the server: a stream each would leave none for the seventh page.
    const { context, page: first } = await open(browser);
    const pages = [first];
    while (pages.length < 7) pages.push(await context.newPage());
    for (const one of pages) {
      await one.goto(`${monitor.url}/sensor`);
      await settled(one);
    }
    const counted = (one: Page): Promise<string> => one.locator('.ledger .full').innerText();
    await first.close();
    for (const one of pages.slice(1)) {
      const before = await counted(one);
      await until('packets go on', async () => (await counted(one)) !== before);
    }
    await context.close();
  });

  it('who has to log in does so once, and out again; without a history that is said', async () => {
    const made = output(['web', 'token', 'ui']);
    const secret = /: (\S+)\s*$/.exec(made.stderr)?.[1] ?? '';
    const password = 'a long enough one';
    const users = [made.stdout.trim(), output(['web', 'password', 'reader'], `${password}\n`).stdout.trim()];
    const closed = new Monitor('closed', 7702, [`web.users=${JSON.stringify(users)}`]);
    await closed.start();
    const { context, page: own } = await open(browser, {}, /status of 401/);
    await own.goto(`${closed.url}/flows?filter=proto:tcp`);
    await own.getByRole('heading', { name: 'Portreeve' }).waitFor();
    await accessible(own);
    await shoot(own, 'login');
    await own.getByRole('button', { name: 'Token' }).click();
    await own.getByLabel('Token').fill('wrong');
    await own.getByRole('button', { name: 'Log in' }).click();
    await own.getByText('That is not right.').waitFor();
    await own.getByLabel('Token').fill(secret);
    await own.getByRole('button', { name: 'Log in' }).click();
    await settled(own);
    // Where the link led.
    assert.equal(new URL(own.url()).searchParams.get('filter'), 'proto:tcp');
    await own.goto(`${closed.url}/dns`);
    await settled(own);
    await own.getByText('No history is kept').first().waitFor();
    // What the run itself remembers is shown all the same.
    for (const [path, shown] of [
      ['dns', 'NXDOMAIN'],
      ['tls', 'TLSv12'],
      ['tcp', '203.0.113.10'],
      ['applications', 'http'],
      ['?lists=range', '203.0.113.10'],
      ['hosts', '203.0.113.10'],
    ] as const) {
      await own.goto(`${closed.url}/${path}`);
      await own.locator('main').getByText(shown, { exact: true }).first().waitFor();
      await settled(own);
      await own.getByText('No history is kept').first().waitFor();
      await shoot(own, `no-store-${path.replace('?lists=range', 'now')}`, true);
    }
    await own.getByRole('button', { name: 'Settings' }).click();
    await own.getByRole('button', { name: /^Log out/ }).click();
    await own.getByRole('heading', { name: 'Portreeve' }).waitFor();
    await own.reload();
    await own.getByLabel('User').fill('reader');
    await own.getByLabel('Password').fill(password);
    await own.getByRole('button', { name: 'Log in' }).click();
    await settled(own);
    await context.close();
    await closed.kill();
  });

  it('an alert is on every page', async () => {
    const alarmed = new Monitor('alarmed', 7703, ['alerts.packet_rate_above=1pps', 'alerts.raise_after=1s']);
    await alarmed.start();
    const { context, page: own } = await open(browser);
    for (const path of ['', 'flows', 'hosts?address=203.0.113.10', 'sensor', 'query']) {
      await own.goto(`${alarmed.url}/${path}`);
      await own.getByRole('list', { name: 'Alerts' }).getByText('packet_rate').first().waitFor();
      await settled(own);
      await accessible(own);
      await fits(own);
    }
    await shoot(own, 'alert');
    await context.close();
    await alarmed.kill();
  });

  it('a store without a run: what it has, and no word of a lost connection', async () => {
    const past = new Monitor('past', 7709, [], join(work, 'store'));
    await past.start();
    const { context, page: own } = await open(browser);
    for (const path of PAGES) {
      await own.goto(`${past.url}/${path}`);
      await own.locator('[data-connection=history]').waitFor();
      await own.waitForFunction(() => document.querySelector('.skeleton, [aria-busy=true]') === null);
      assert.equal(await own.locator('.connection-bar, .state-title.bad').count(), 0, await own.locator('main').innerText());
      await accessible(own);
      await shoot(own, `past-${nameOf(path)}`, true);
    }
    await own.goto(`${past.url}/flows`);
    await own.locator('table.flows tbody tr').first().waitFor();
    await context.close();
    await past.kill();
  });

  it('a connection that is lost is shown, and comes back by itself', async () => {
    // Other pages would complain of what is done here, and rightly.
    for (const one of browser.contexts()) await one.close();
    const { context, page: own } = await open(browser, {}, /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
    await own.goto(`${monitor.url}/`);
    await settled(own);
    await monitor.kill();
    await own.getByText('Connection lost').first().waitFor();
    // What the ledger said may not hold any more.
    assert.match((await own.locator('.ledger').getAttribute('class')) ?? '', /stale/);
    await shoot(own, 'lost');
    await accessible(own);
    await own.waitForTimeout(1500);
    await monitor.start();
    await own.locator('[data-connection=live]').waitFor();
    await own.locator('.connection-bar').waitFor({ state: 'detached' });
    assert.match((await own.locator('.ledger').getAttribute('class')) ?? '', /good/);
    const before = await own.locator('.ledger .full').innerText();
    await until('packets go on', async () => (await own.locator('.ledger .full').innerText()) !== before);
    // What was there before the crash is in the history still.
    await own.goto(`${monitor.url}/flows?range=1h&order=ts`);
    await settled(own);
    assert.ok((await own.locator('table.flows tbody tr').count()) > 50);
    await context.close();
  });

  it('no complaint in any console', () => assert.deepEqual(complaints, []));
});
