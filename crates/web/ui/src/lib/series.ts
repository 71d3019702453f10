// From what the monitor sends to what a chart draws.

import type { Rates, Second } from '../api';

/** Seconds that are kept. */
const KEEP = 3600;

/** Both lists are in order; what is newer wins. */
export function merge(old: Second[], fresh: Second[]): Second[] {
  const first = fresh[0];
  if (!first) return old;
  const last = fresh[fresh.length - 1] ?? first;
  const before = old.filter((second) => second.ts < first.ts);
  const behind = old.filter((second) => second.ts > last.ts);
  return [...before, ...fresh, ...behind].slice(-KEEP);
}

/** Where more than two steps are missing, a hole: a line must not bridge what was not seen. */
export function withGaps<T extends { ts: number }>(points: T[], step: number): (T | { ts: number; gap: true })[] {
  const out: (T | { ts: number; gap: true })[] = [];
  let last: number | null = null;
  for (const point of points) {
    if (last !== null && point.ts - last > 2.5 * step) out.push({ ts: last + step, gap: true });
    out.push(point);
    last = point.ts;
  }
  return out;
}

/** One column of seconds; `null` in holes. */
export function column(points: (Second | { ts: number; gap: true })[], name: keyof Second): (number | null)[] {
  return points.map((point) => ('gap' in point ? null : point[name]));
}

/**
 * Not more points than a screen has room for: the mean of each group, and the greatest of its peaks. Groups lie on multiples of the step, so
 * that a curve does not change its shape while it moves on.
 */
export function thin(all: Second[], most: number): { points: Second[]; step: number } {
  const first = all[0];
  const last = all[all.length - 1];
  if (!first || !last || all.length <= most) return { points: all, step: 1000 };
  const step = 1000 * Math.ceil((last.ts - first.ts) / 1000 / most);
  const groups = new Map<number, Second[]>();
  for (const second of all) {
    const at = Math.floor(second.ts / step) * step;
    const group = groups.get(at);
    if (group) group.push(second);
    else groups.set(at, [second]);
  }
  return { points: [...groups].map(([ts, group]) => combine(ts, group)), step };
}

function combine(ts: number, group: Second[]): Second {
  const mean = (name: keyof Second): number => group.reduce((sum, s) => sum + (s[name] ?? 0), 0) / group.length;
  const greatest = (name: keyof Second): number => group.reduce((most, s) => Math.max(most, s[name] ?? 0), 0);
  return {
    ts,
    packets: mean('packets'),
    bits: mean('bits'),
    in_bits: mean('in_bits'),
    out_bits: mean('out_bits'),
    internal_bits: mean('internal_bits'),
    other_bits: mean('other_bits'),
    in_packets: mean('in_packets'),
    out_packets: mean('out_packets'),
    internal_packets: mean('internal_packets'),
    other_packets: mean('other_packets'),
    peak_bits: greatest('peak_bits'),
    peak_packets: greatest('peak_packets'),
    lost: group.some((s) => s.lost === null) ? null : mean('lost'),
    flows_active: mean('flows_active'),
    flows_opened: mean('flows_opened'),
  };
}

/** Series of a range on one common time axis; `pick` is the place of the wanted number in a point. */
export function align(rates: Rates, pick: 1 | 2 | 3): { times: number[]; series: { name: string; values: (number | null)[] }[] } {
  const times = [...new Set(rates.series.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
  const places = new Map(times.map((ts, i) => [ts, i]));
  const series = rates.series.map(({ name, points }) => {
    const values = new Array<number | null>(times.length).fill(0);
    for (const point of points) values[places.get(point[0]) ?? 0] = point[pick];
    return { name, values };
  });
  return { times, series };
}
