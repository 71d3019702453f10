// A time chart: drag to zoom (the shared time range changes), double-click to zoom out, values under the pointer in the legend.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, day, text, type Quantity } from '../lib/format';
import { zoomOut } from '../lib/range';
import { shown } from '../lib/settings';
import { now, range, setRange } from '../lib/url';
import { words } from '../i18n';

export interface Series {
  label: string;
  values: (number | null)[];
  /** A custom property: `--series-1`. */
  color: string;
  fill?: boolean;
  /** Drawn below the zero line. */
  mirrored?: boolean;
  thin?: boolean;
}

interface Props {
  label: string;
  /** Milliseconds since 1970, ascending. */
  times: number[];
  series: Series[];
  format: (value: number) => Quantity;
  /** What the axis spans; the data's own extent without it. */
  from?: number;
  to?: number;
  height?: number;
  stacked?: boolean;
  /** Zooming changes the shared range; not for charts of something else than it. */
  zoom?: boolean;
}

const property = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function tick(seconds: number, step: number): string {
  const ms = seconds * 1000;
  if (step >= 86_400) return day(ms).slice(5);
  if (step >= 60) return clock(ms).slice(0, 5);
  return clock(ms);
}

/** `6.00 Gbit/s` → `6 Gbit/s`: on an axis the numbers are round. */
const round = (said: string): string => said.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');

/** Sums from the first series up; drawn last to first, so that each covers what is below it. */
function stack(series: Series[]): (number | null)[][] {
  const sums: number[] = [];
  return series.map(({ values }) =>
    values.map((value, i) => {
      sums[i] = (sums[i] ?? 0) + (value ?? 0);
      return value === null && sums[i] === 0 ? null : (sums[i] ?? 0);
    }),
  );
}

/** Rounder than the data by a little, and never flat. */
function extent(low: number | null, high: number | null): [number, number] {
  const top = Math.max(high ?? 0, 0);
  const bottom = Math.min(low ?? 0, 0);
  const room = (top - bottom) * 0.06;
  return [bottom === 0 ? 0 : bottom - room, top === 0 && bottom === 0 ? 1 : top + (top === 0 ? 0 : room)];
}

export function Chart({ label, times, series, format, from, to, height = 220, stacked = false, zoom = true }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const under = useSignal<number | null>(null);
  const window = useRef<[number, number] | null>(null);
  window.current = from !== undefined && to !== undefined ? [from / 1000, to / 1000] : null;

  const data = useMemo<uPlot.AlignedData>(() => {
    const drawn = stacked ? stack(series).reverse() : series.map((s) => (s.mirrored ? s.values.map((v) => (v === null ? null : -v)) : s.values));
    return [times.map((ms) => ms / 1000), ...drawn];
  }, [times, series, stacked]);

  // What a new plot is needed for; new numbers are put into the one that is there.
  const shape = `${shown.value}|${stacked}|${height}|${series.map((s) => `${s.label},${s.color},${s.fill},${s.thin}`).join(';')}`;
  const latestFormat = useRef(format);
  latestFormat.current = format;

  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const axis: uPlot.Axis = {
      stroke: property('--text-muted'),
      font: `11px ${property('--font')}`,
      grid: { stroke: property('--grid'), width: 1 },
      ticks: { show: false },
    };
    const order = stacked ? [...series].reverse() : series;
    const chart = new uPlot(
      {
        width: Math.max(100, element.clientWidth),
        height,
        legend: { show: false },
        // At the right for half of a label of the time axis, which is drawn to the plot's very edge.
        padding: [8, 26, 0, 0],
        cursor: {
          drag: { x: zoom, y: false, setScale: false },
          points: { size: 6, width: 0 },
          y: false,
          // Charts of a page share their pointer.
          sync: { key: 'time' },
        },
        scales: {
          x: { time: true, range: (_u, low, high) => window.current ?? [low, high === low ? low + 1 : high] },
          y: { range: (_u, low, high) => extent(low, high) },
        },
        axes: [
          { ...axis, size: 28, gap: 6, space: 76, values: (_u, splits, _i, _s, step) => splits.map((s) => tick(s, step)) },
          { ...axis, size: 74, gap: 8, space: height < 120 ? 22 : 34, values: (_u, splits) => splits.map((v) => round(text(latestFormat.current(Math.abs(v))))) },
        ],
        series: [
          {},
          ...order.map((s): uPlot.Series => {
            const color = property(s.color);
            return {
              label: s.label,
              stroke: color,
              width: s.thin ? 1 : 1.5,
              points: { show: false },
              spanGaps: false,
              ...(s.fill ? { fill: stacked ? property(`${s.color}-solid`) || color : property(`${s.color}-fill`) } : {}),
            };
          }),
        ],
        hooks: {
          setCursor: [(u) => (under.value = u.cursor.idx ?? null)],
          setSelect: [
            (u) => {
              const { left, width } = u.select;
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              if (width < 4 || !zoom) return;
              const begin = Math.round(u.posToVal(left, 'x') * 1000);
              const end = Math.round(u.posToVal(left + width, 'x') * 1000);
              setRange({ kind: 'fixed', from: begin, to: Math.max(end, begin + 1000) });
            },
          ],
        },
      },
      data,
      element,
    );
    if (zoom) chart.over.addEventListener('dblclick', () => setRange(zoomOut(range.value, now.value)));
    plot.current = chart;
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== chart.width) chart.setSize({ width, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(data);
  }, [data, from, to]);

  const last = times.length - 1;
  const at = Math.min(under.value ?? last, last);
  const value = (s: Series, i: number): string => {
    const v = s.values[i];
    return v === null || v === undefined ? '–' : text(format(v));
  };
  const summary = `${label}: ${series.map((s) => `${s.label} ${value(s, last)}`).join(', ')}`;
  return (
    <figure class="chart">
      <div class="chart-area" style={{ height: `${height}px` }} ref={holder} role="img" aria-label={summary} title={zoom ? words.value.now.zoomHint : undefined} />
      <figcaption class="legend">
        <span class="legend-time num">{at >= 0 ? legendTime(times[at] ?? 0) : ''}</span>
        {series.map((s) => (
          <span class="legend-item" key={s.label}>
            <i class="swatch" style={{ background: `var(${s.color})` }} />
            {s.label} <b class="num">{value(s, at)}</b>
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

const legendTime = (ms: number): string => (day(ms) === day(Date.now()) ? clock(ms) : `${day(ms).slice(5)} ${clock(ms).slice(0, 5)}`);
