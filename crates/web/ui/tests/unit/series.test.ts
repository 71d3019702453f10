import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Second } from '../../src/api';
import { align, column, merge, thin, withGaps } from '../../src/lib/series';

const second = (ts: number, bits = 1, peak = bits, lost: number | null = 0): Second => ({
  ts,
  packets: 1,
  bits,
  in_bits: 0,
  out_bits: 0,
  internal_bits: 0,
  other_bits: 0,
  in_packets: 0,
  out_packets: 0,
  internal_packets: 0,
  other_packets: 0,
  peak_bits: peak,
  peak_packets: 0,
  lost,
  flows_active: 0,
  flows_opened: 0,
});

test('the stream goes on where it was lost, and what comes twice is there once', () => {
  const had = [second(1000), second(2000), second(3000, 5)];
  const fresh = [second(3000, 7), second(4000)];
  const all = merge(had, fresh);
  assert.deepEqual(
    all.map((s) => s.ts),
    [1000, 2000, 3000, 4000],
  );
  assert.equal(all[2]?.bits, 7);
  assert.equal(merge(had, []), had);
});

test('a hole is a hole', () => {
  const drawn = withGaps([second(1000), second(2000), second(9000)], 1000);
  assert.deepEqual(column(drawn, 'bits'), [1, 1, null, 1]);
});

test('thinning keeps the sum and the greatest peak, and groups do not move', () => {
  const many = Array.from({ length: 100 }, (_, i) => second(1_000_000 + i * 1000, i, i === 57 ? 1e9 : i));
  const { points, step } = thin(many, 25);
  assert.ok(points.length <= 26);
  assert.equal(Math.max(...points.map((s) => s.peak_bits)), 1e9);
  assert.ok(points.every((s) => s.ts % step === 0));
  const again = thin([...many.slice(1), second(1_100_000)], 25);
  assert.equal(again.points[3]?.bits, points[3]?.bits);
});

test('unknown plus known is unknown', () => {
  const many = [second(0, 1, 1, 5), second(1000, 1, 1, null), second(2000), second(3000)];
  assert.equal(thin(many, 1).points[0]?.lost, null);
});

test('series of different times share one axis', () => {
  const { times, series } = align(
    {
      step_ms: 10,
      from: 'live',
      complete: true,
      series: [
        { name: 'a', points: [[10, 1, 0, 0]] },
        {
          name: 'b',
          points: [
            [0, 2, 0, 0],
            [10, 3, 0, 0],
          ],
        },
      ],
    },
    1,
  );
  assert.deepEqual(times, [0, 10]);
  assert.deepEqual(series[0]?.values, [0, 1]);
  assert.deepEqual(series[1]?.values, [2, 3]);
});
