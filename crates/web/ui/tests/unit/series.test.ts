import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rates, Second } from '../../src/api';
import { align, column, isBare, knownTime, merge, thin, withGaps } from '../../src/lib/series';

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

const rates = (step_ms: number, asked: Rates['asked'], series: Rates['series']): Rates => ({ step_ms, from: 'store', complete: true, asked, series });
const always = { from: 0, to: Infinity, late: 0 };

test('series of different times share one axis, with every step of the range: 0 where there was nothing', () => {
  const { times, series } = align(
    rates(1000, { from: 0, to: 5000 }, [
      { name: 'a', points: [[1000, 1, 10, 100]] },
      {
        name: 'b',
        points: [
          [0, 2, 0, 0],
          [3000, 3, 30, 0],
        ],
      },
    ]),
    1,
    always,
  );
  assert.deepEqual(times, [0, 1000, 2000, 3000, 4000, 5000]);
  assert.deepEqual(
    series.map(({ name, values }) => [name, ...values]),
    [
      ['a', 0, 1, 0, 0, 0, 0],
      ['b', 2, 0, 0, 3, 0, 0],
    ],
  );
  assert.deepEqual(align(rates(1000, { from: 0, to: 2000 }, [{ name: '', points: [[1000, 1, 10, 100]] }]), 3, always).series[0]?.values, [0, 100, 100]);
});

test('what is not known is no 0: before the first that is kept, after the last that is told', () => {
  const { times, series } = align(rates(1000, { from: 500, to: 60_000 }, [{ name: '', points: [[4000, 1, 0, 0]] }]), 1, { from: 2300, to: 6700, late: 0 });
  assert.deepEqual(times, [2000, 3000, 4000, 5000, 6000]);
  assert.deepEqual(series[0]?.values, [0, 0, 1, 0, 0]);
  const whole = align(rates(1000, { from: 500, to: 6700 }, [{ name: '', points: [[4000, 1, 0, 0]] }]), 1, { from: 2300, to: 6700, late: 0 });
  assert.deepEqual(whole.times, [2000, 3000, 4000, 5000, 6000, 6700]);
  // A point tells by itself that its step is known, and what lies between two of them is.
  const points: Rates['series'][number]['points'] = [[1000, 1, 0, 0], [9000, 2, 0, 0]];
  const wider = align(rates(1000, { from: 500, to: 60_000 }, [{ name: '', points }]), 1, { from: 2300, to: 6700, late: 0 });
  assert.deepEqual([wider.times[0], wider.times.length], [1000, 10]);
  assert.deepEqual(wider.series[0]?.values, [1, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
});

test('a lone step is drawn to its end', () => {
  const lone = align(rates(10_000, { from: 0, to: 100_000 }, [{ name: '', points: [[90_000, 5, 0, 0]] }]), 1, { from: 95_000, to: 95_000, late: 0 });
  assert.deepEqual(lone.times, [90_000, 100_000]);
  assert.deepEqual(lone.series[0]?.values, [5, 5]);
});

test('nothing at all', () => {
  const none = rates(1000, { from: 0, to: 5000 }, []);
  assert.ok(isBare(none) && isBare({ ...none, series: [{ name: '', points: [] }] }));
  assert.deepEqual(align(none, 1, { from: Infinity, to: -Infinity, late: 0 }), { times: [], series: [] });
});

test('a burst in a step that the range cuts stands as high as its equals', () => {
  // The monitor divides by the part of a step that lies within the range, and by a second at least.
  const { times, series } = align(
    rates(10_000, { from: 8000, to: 50_001 }, [
      {
        name: '',
        points: [
          [0, 500, 0, 0],
          [20_000, 100, 0, 0],
          [50_000, 1000, 0, 0],
        ],
      },
    ]),
    1,
    always,
  );
  assert.deepEqual(times, [0, 10_000, 20_000, 30_000, 40_000, 50_000, 50_001]);
  assert.deepEqual(series[0]?.values, [100, 0, 100, 0, 0, 100, 100]);
});

test('a step that is not over is left out where the traffic goes on', () => {
  const asked = { from: 0, to: 95_000 };
  const run = { from: 0, to: 20_000, late: 75_000 };
  const drawn = (points: number[], known = run, step = 10_000): [last: number | undefined, value: number | undefined] => {
    const all = rates(step, asked, [{ name: '', points: points.map((ts) => [ts, 8, 0, 0]) }]);
    const { times, series } = align(all, 1, known);
    return [times[times.length - 1], series[0]?.values[times.length - 1]];
  };
  assert.deepEqual(drawn([80_000, 90_000]), [90_000, 8]);
  // What has just begun is shown, of a history all is, and so is a step that is longer than anything is late.
  assert.deepEqual(drawn([70_000, 90_000]), [95_000, 4]);
  assert.deepEqual(drawn([80_000, 90_000], { from: 0, to: 95_000, late: 0 }), [95_000, 4]);
  assert.deepEqual(drawn([0, 80_000], run, 80_000), [95_000, 1.5]);
});

test('of which time an answer tells all', () => {
  const now = 10_000_000_000;
  const started = now - 7_200_000;
  const store = { path: '', bytes: 1, oldest: 1000, newest: 2000 };
  // A history ends with its last row.
  assert.deepEqual(knownTime({ live: false, started: now, store }, 'store', now), { from: 1000, to: 2001, late: 0 });
  // A run has not told the newest of all yet; without a store it remembers an hour.
  assert.deepEqual(knownTime({ live: true, started, store }, 'store', now), { from: 1000, to: now - 180_000, late: 180_000 });
  assert.deepEqual(knownTime({ live: true, started, store: { ...store, oldest: null, newest: null } }, 'store', now), { from: started, to: now - 180_000, late: 180_000 });
  assert.deepEqual(knownTime({ live: true, started, store: null }, 'live', now), { from: now - 3_600_000, to: now - 180_000, late: 180_000 });
  assert.deepEqual(knownTime({ live: true, started: now - 5000, store: null }, 'live', now).from, now - 5000);
});
