import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../src/lib/turns';

/** Work that ends when it is told to. */
function work(): { begun: boolean; run: () => Promise<string>; end: (text: string) => void; fail: (error: Error) => void } {
  let end = (_: string): void => {};
  let fail = (_: Error): void => {};
  const promise = new Promise<string>((resolve, reject) => ([end, fail] = [resolve, reject]));
  const one = { begun: false, run: () => ((one.begun = true), promise), end, fail };
  return one;
}

const idle = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

test('a few at a time, in order; a failure gives its place on', async () => {
  const turns = new Turns(2);
  const never = new AbortController().signal;
  const all = [work(), work(), work(), work()];
  const done = all.map((one) => turns.take(never, one.run).catch((error: Error) => error.message));
  const begun = async (): Promise<boolean[]> => (await idle(), all.map((one) => one.begun));
  assert.deepEqual(await begun(), [true, true, false, false]);
  all[1]?.fail(new Error('no'));
  assert.deepEqual(await begun(), [true, true, true, false]);
  all[0]?.end('a');
  assert.deepEqual(await begun(), [true, true, true, true]);
  all[3]?.end('d');
  all[2]?.end('c');
  assert.deepEqual(await Promise.all(done), ['a', 'no', 'c', 'd']);
});

test('who does not want it any more takes no place', async () => {
  const turns = new Turns(1);
  const [first, second, third, late] = [work(), work(), work(), work()];
  const never = new AbortController().signal;
  const gone = new AbortController();
  const a = turns.take(never, first.run);
  const b = turns.take(gone.signal, second.run);
  const c = turns.take(never, third.run);
  gone.abort();
  await assert.rejects(b, { name: 'AbortError' });
  await assert.rejects(turns.take(gone.signal, late.run), { name: 'AbortError' });
  first.end('a');
  assert.equal(await a, 'a');
  await idle();
  assert.deepEqual([second.begun, third.begun, late.begun], [false, true, false]);
  third.end('c');
  assert.equal(await c, 'c');
  late.end('d');
  assert.equal(await turns.take(never, late.run), 'd');
});
