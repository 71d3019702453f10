// How soon the dashboard shows something over a store, and how soon all of it: node paint.mjs PORTREEVE STORE FROM TO ROUNDS
// FROM and TO: the history's time, milliseconds since 1970. Each page is opened in a browser of its own, nothing cached.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [program, store, from, to, rounds] = process.argv.slice(2);
const { chromium } = createRequire(new URL('../../crates/web/ui/package.json', import.meta.url))('playwright-core');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const RANGES = [
  ['hour', to - HOUR],
  ['day', to - DAY],
  ['week', from],
];
const PAGES = ['', 'flows', 'flows?filter=port:22', 'hosts', 'hosts?address=10.0.0.1', 'applications', 'tcp', 'dns', 'tls', 'query'];

const server = spawn(program, ['web', '--store', store, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
const url = await new Promise((found, failed) => {
  const lines = [];
  for (const stream of [server.stdout, server.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      const match = /http:\/\/[\d.]+:\d+/.exec(line);
      if (match) found(match[0]);
    });
  }
  server.on('exit', () => failed(new Error(`portreeve web has ended: ${lines.join('\n')}`)));
});

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const shown = (ms) => `${ms.toFixed(0)}`.padStart(7);

/** Milliseconds from the request to the first paint of content, and until nothing is waited for any more. */
async function open(path) {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const began = Date.now();
  await page.goto(`${url}/${path}`, { waitUntil: 'commit' });
  await page.waitForFunction(() => document.querySelector('main') !== null && document.querySelector('.skeleton, [aria-busy=true]') === null, null, { timeout: 120_000, polling: 20 });
  const whole = Date.now() - began;
  const first = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN);
  await browser.close();
  return { first, whole };
}

console.log(`${'page'.padEnd(28)} ${'range'.padEnd(6)} first paint   whole   (milliseconds, medians of ${rounds})`);
for (const path of PAGES) {
  for (const [name, since] of RANGES) {
    const query = `${path}${path.includes('?') ? '&' : '?'}from=${since}&to=${to}`;
    const runs = [];
    for (let round = 0; round < Number(rounds); round++) runs.push(await open(query));
    console.log(`/${path.padEnd(27)} ${name.padEnd(6)}     ${shown(median(runs.map(({ first }) => first)))} ${shown(median(runs.map(({ whole }) => whole)))}`);
  }
}
server.kill();
