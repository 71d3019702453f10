// Runs the tests: `node tests/run.mjs unit` those of pure parts, `browser` those that drive a browser (see scripts/test-ui).
// Each file is bundled to JavaScript first: node's own runner then needs nothing else, whichever version of node it is.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const set = process.argv[2] ?? 'unit';
const out = join(here, '..', 'node_modules', '.tests', set);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const files = readdirSync(join(here, set)).filter((name) => name.endsWith('.test.ts'));
await build({
  // A test may start a helper that is a process of its own.
  entryPoints: [...files, ...readdirSync(join(here, set)).filter((name) => name === 'traffic.ts')].map((name) => join(here, set, name)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node18',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files.map((name) => join(out, name.replace(/\.ts$/, '.mjs')))], { stdio: 'inherit' });
process.exit(status ?? 1);
