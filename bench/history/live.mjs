// What pages that are open cost the monitor: node live.mjs PORTREEVE INTERFACE PAGES SECONDS
// The program watches INTERFACE while nobody looks, then with so many pages of "Now" open in a browser; CPU time of the whole process and of its web threads.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [program, watched, pages, seconds] = process.argv.slice(2);
const { chromium } = createRequire(new URL('../../crates/web/ui/package.json', import.meta.url))('playwright-core');

const monitor = spawn(program, ['-i', watched, '--json'], { stdio: ['ignore', 'ignore', 'pipe'] });
const url = await new Promise((found, failed) => {
  const lines = [];
  createInterface({ input: monitor.stderr }).on('line', (line) => {
    lines.push(line);
    const match = /http:\/\/[\d.]+:\d+/.exec(line);
    if (match) found(match[0]);
  });
  monitor.on('exit', () => failed(new Error(`portreeve has ended: ${lines.join('\n')}`)));
});

/** Nanoseconds on a core: of all threads, and of those that serve pages. */
function used() {
  const all = { process: 0, web: 0 };
  for (const task of readdirSync(`/proc/${monitor.pid}/task`)) {
    const folder = `/proc/${monitor.pid}/task/${task}`;
    const time = Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
    all.process += time;
    if (readFileSync(`${folder}/comm`, 'utf8').startsWith('web')) all.web += time;
  }
  return all;
}

const pause = (time) => new Promise((done) => setTimeout(done, time * 1000));

/** Percent of one core, for so many seconds. */
async function share() {
  const before = used();
  await pause(Number(seconds));
  const after = used();
  const percent = (now, then) => ((now - then) / 1e9 / Number(seconds)) * 100;
  return { process: percent(after.process, before.process), web: percent(after.web, before.web) };
}

await pause(3);
const alone = await share();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
for (let n = 0; n < Number(pages); n++) {
  const page = await browser.newPage();
  await page.goto(`${url}/`);
  await page.waitForSelector('main canvas', { timeout: 60_000 });
}
// What opening them cost is over.
await pause(3);
const open = await share();
await browser.close();
monitor.kill();
console.log(
  `${pages} pages open for ${seconds} s: the threads that serve them take ${open.web.toFixed(2)} % of one core (at most 2); the whole process ${open.process.toFixed(2)} %, with none open ${alone.process.toFixed(2)} %`,
);
process.exit(open.web > 2 ? 1 : 0);
