import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bounds, formatSpan, parseSpan, readRange, shift, writeRange, zoomOut, type Range } from '../../src/lib/range';

const HOUR = 3_600_000;
const NOW = 1_700_000_000_000;

test('spans are read and written', () => {
  for (const text of ['30s', '5m', '10m', '1h', '24h', '7d', '30d']) assert.equal(formatSpan(parseSpan(text) ?? 0), text);
  for (const wrong of ['', '0m', 'm', '5', '5y', '-5m', '1e3m', '123456m']) assert.equal(parseSpan(wrong), null);
});

test('what a link says is what it gives back', () => {
  const ranges: Range[] = [
    { kind: 'last', ms: 6 * HOUR },
    { kind: 'fixed', from: NOW - HOUR, to: NOW },
  ];
  for (const range of ranges) {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(writeRange(range))) if (value !== null) params.set(name, value);
    assert.deepEqual(readRange(params), range);
  }
  assert.deepEqual(writeRange({ kind: 'last', ms: 10 * 60_000 }), { range: null, from: null, to: null });
});

test('what makes no sense is the default', () => {
  const standard = readRange(new URLSearchParams());
  for (const text of ['range=x', 'from=5', 'from=9&to=3', 'from=a&to=b', 'range=-1h']) assert.deepEqual(readRange(new URLSearchParams(text)), standard);
});

test('earlier, later, wider', () => {
  const hour: Range = { kind: 'last', ms: HOUR };
  const before = shift(hour, -1, NOW);
  assert.deepEqual(before, { kind: 'fixed', from: NOW - 2 * HOUR, to: NOW - HOUR });
  assert.deepEqual(shift(before, 1, NOW), hour);
  assert.deepEqual(zoomOut(hour, NOW), { kind: 'last', ms: 2 * HOUR });
  const wide = bounds(zoomOut({ kind: 'fixed', from: NOW - HOUR, to: NOW - 10 }, NOW), NOW);
  assert.equal(wide.to, NOW);
  assert.equal(wide.to - wide.from, 2 * (HOUR - 10));
});
