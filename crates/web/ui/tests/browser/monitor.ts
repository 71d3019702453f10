// Processes of a test: the monitor, and those that make its traffic.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function wanted(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this is run by scripts/test-ui`);
  return value;
}

export const work = wanted('UI_TEST_WORK');
export const screenshots = wanted('UI_TEST_SCREENSHOTS');
const binary = wanted('UI_TEST_BINARY');
const far = wanted('UI_TEST_FAR');

const running: ChildProcess[] = [];

export function traffic(): void {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'traffic.mjs');
  running.push(spawn('ip', ['netns', 'exec', far, process.execPath, script, 'server'], { stdio: 'inherit' }));
  running.push(spawn(process.execPath, [script, 'client'], { stdio: 'inherit' }));
}

/** What `portreeve ARGUMENTS` prints. */
export function output(args: string[], input = ''): { stdout: string; stderr: string } {
  const { stdout, stderr, status } = spawnSync(binary, args, { encoding: 'utf8', timeout: 60_000, input });
  if (status !== 0) throw new Error(`portreeve ${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
}

export class Monitor {
  private process: ChildProcess | null = null;

  constructor(
    private readonly name: string,
    readonly port: number,
    private readonly settings: string[],
    /** A store to be shown by itself, without a run. */
    private readonly store: string | null = null,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<void> {
    const log = openSync(join(work, `${this.name}.log`), 'a');
    const settings = [`web.listen=127.0.0.1:${this.port}`, ...this.settings].flatMap((setting) => ['--set', setting]);
    const what = this.store === null ? ['-i', 'mon0', '--log-dir', join(work, `${this.name}-logs`)] : ['web', '--store', this.store];
    this.process = spawn(binary, [...what, ...settings], { stdio: ['ignore', log, log] });
    running.push(this.process);
    const until = Date.now() + 30_000;
    for (;;) {
      if (this.process.exitCode !== null) throw new Error(`the monitor ended at once: see ${this.name}.log`);
      try {
        if ((await fetch(`${this.url}/healthz`)).ok) return;
      } catch {
        // Not yet.
      }
      if (Date.now() > until) throw new Error('the monitor does not answer');
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    const ending = this.process;
    this.process = null;
    if (!ending || ending.exitCode !== null) return;
    const ended = new Promise((done) => ending.once('exit', done));
    ending.kill('SIGKILL');
    await ended;
  }
}

export function stopAll(): void {
  for (const one of running) one.kill('SIGKILL');
}
