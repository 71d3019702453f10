// From what the monitor sends to what a chart draws.

import type { Origin, Rates, Second, Status } from '../api';
import type { Bounds } from './range';

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

/** For so long the run itself remembers what no store keeps. */
const REMEMBERED_MS = 3_600_000;
/** What is younger may not be told yet: of conversations that go on by their updates, in sums that are still to be written. */
const LATE_MS = 180_000;

/** Of which time an answer tells all, so that a step without a point had nothing. Outside of it a step without a point is not known. */
export interface Known extends Bounds {
  /** For so long behind it more is to come. */
  late: number;
}

export function knownTime({ live, started, store }: Pick<Status, 'live' | 'started' | 'store'>, from: Origin, now: number): Known {
  const oldest = store?.oldest ?? started;
  if (!live) return { from: oldest, to: (store?.newest ?? oldest) + 1, late: 0 };
  return { from: from === 'store' ? Math.min(oldest, started) : Math.max(started, now - REMEMBERED_MS), to: now - LATE_MS, late: LATE_MS };
}

interface Steps {
  /** The begin of each, and the end of the last: a point is of the whole step that it begins, also a lone one. */
  times: number[];
  /** The numbers of these points at these times, 0 between them. */
  values: (points: (readonly [ts: number, value: number])[]) => number[];
}

/** The steps of what was asked for: those that have a point or of which it is known that they had nothing. */
export function stepsOf(begins: number[], step: number, asked: Bounds, known: Known): Steps {
  let first = Math.floor(Math.max(asked.from, known.from) / step) * step;
  // Of a step of which only the begin is known nothing can be said.
  let end = known.to >= asked.to ? asked.to : Math.floor(known.to / step) * step;
  for (const ts of begins) {
    first = Math.min(first, ts);
    end = Math.max(end, ts + 1);
  }
  const times: number[] = [];
  for (let ts = first; ts < end; ts += step) times.push(ts);
  const newest = times[times.length - 1];
  // A step that is not over has little yet of what it will have: with it every line would fall at its end. A long one, or one that begins something, is
  // too much to be left out.
  const goesOn = newest !== undefined && newest + step > asked.to && asked.to > known.to && step <= known.late;
  if (goesOn && begins.includes(newest - step)) times.pop();
  const places = new Map(times.map((ts, i) => [ts, i]));
  const last = times[times.length - 1];
  if (last !== undefined) times.push(Math.max(last + 1, Math.min(asked.to, last + step)));
  return {
    times,
    values: (points) => {
      const values = new Array<number>(times.length).fill(0);
      for (const [ts, value] of points) {
        const place = places.get(ts);
        if (place === undefined) continue;
        values[place] = value;
        if (ts === last) values[place + 1] = value;
      }
      return values;
    },
  };
}

/**
 * Of a step that the range cuts, the monitor tells the mean over the part within. Next to whole steps that is another measure: a burst in a part of a
 * tenth stands ten times as high. As the mean over the whole step it stands as high as its equals.
 */
function overWhole(mean: number, at: number, step: number, { from, to }: Bounds): number {
  const part = Math.min(at + step, to) - Math.max(at, from);
  return (mean * Math.min(step, Math.max(1000, part))) / step;
}

/** Series of a range on one common time axis; `pick` is the place of the wanted number in a point. */
export function align(rates: Rates, pick: 1 | 2 | 3, known: Known): { times: number[]; series: { name: string; values: number[] }[] } {
  const { step_ms: step, asked } = rates;
  const { times, values } = stepsOf(rates.series.flatMap((s) => s.points.map((p) => p[0])), step, asked, known);
  const series = rates.series.map(({ name, points }) => ({ name, values: values(points.map((p) => [p[0], overWhole(p[pick], p[0], step, asked)])) }));
  return { times, series };
}

/** Whether there is nothing to draw. */
export const isBare = (rates: Rates): boolean => rates.series.every((s) => s.points.length === 0);
