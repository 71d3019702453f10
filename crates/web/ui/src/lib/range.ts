// The time range that all pages share. It is relative ("the last 10 minutes", moves on) or absolute (stays).

export type Range = { kind: 'last'; ms: number } | { kind: 'fixed'; from: number; to: number };

/** A range at one moment, milliseconds since 1970. */
export interface Bounds {
  from: number;
  to: number;
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** What the picker offers. */
export const PRESETS = ['5m', '10m', '1h', '6h', '24h', '7d', '30d'] as const;
/** As long as what a new live stream brings along. */
export const DEFAULT = '10m';

/** `15m`, `24h`, `7d` → milliseconds; `null` for anything else. */
export function parseSpan(text: string): number | null {
  const match = /^(\d{1,5})([smhdw])$/.exec(text.trim());
  if (!match) return null;
  const ms = Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0);
  return ms > 0 ? ms : null;
}

/** The inverse of `parseSpan`, in the greatest unit that fits; days only from two on, so that 24h stays 24h. */
export function formatSpan(ms: number): string {
  const fits = (unit: string): boolean => ms % (UNITS[unit] ?? 1) === 0;
  if (fits('d') && ms >= 2 * 86_400_000) return `${ms / 86_400_000}d`;
  if (fits('h')) return `${ms / 3_600_000}h`;
  if (fits('m')) return `${ms / 60_000}m`;
  return `${Math.max(1, Math.round(ms / 1000))}s`;
}

/** Reads `range=10m` or `from=…&to=…`; anything unreadable is the default. */
export function readRange(params: URLSearchParams): Range {
  const from = Number(params.get('from') ?? NaN);
  const to = Number(params.get('to') ?? NaN);
  if (Number.isFinite(from) && Number.isFinite(to) && from < to) return { kind: 'fixed', from, to };
  const last = parseSpan(params.get('range') ?? '') ?? parseSpan(DEFAULT) ?? 600_000;
  return { kind: 'last', ms: last };
}

/** The parameters that hold a range; the default leaves none. */
export function writeRange(range: Range): Record<'range' | 'from' | 'to', string | null> {
  if (range.kind === 'fixed') return { range: null, from: String(Math.floor(range.from)), to: String(Math.ceil(range.to)) };
  const span = formatSpan(range.ms);
  return { range: span === DEFAULT ? null : span, from: null, to: null };
}

export function bounds(range: Range, now: number): Bounds {
  return range.kind === 'fixed' ? { from: range.from, to: range.to } : { from: now - range.ms, to: now };
}

/** Twice as wide around the same middle; what lies ahead of now is cut off. */
export function zoomOut(range: Range, now: number): Range {
  if (range.kind === 'last') return { kind: 'last', ms: range.ms * 2 };
  const width = range.to - range.from;
  const to = Math.min(now, range.to + width / 2);
  return { kind: 'fixed', from: to - 2 * width, to };
}

/** One width earlier (-1) or later (1). Later than now is now again. */
export function shift(range: Range, direction: -1 | 1, now: number): Range {
  const { from, to } = bounds(range, now);
  const width = to - from;
  if (direction === 1 && to + width >= now) return { kind: 'last', ms: width };
  return { kind: 'fixed', from: from + direction * width, to: to + direction * width };
}

/** How often what is shown of a range is asked for again, milliseconds; `null`: never. */
export function refreshEvery(range: Range): number | null {
  if (range.kind === 'fixed') return null;
  return range.ms <= 3_600_000 ? 10_000 : 60_000;
}
