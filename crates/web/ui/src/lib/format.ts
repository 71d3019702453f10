// Numbers as people read them: three significant digits, SI units, the unit apart so that columns can align it.

/** A number and its unit. */
export interface Quantity {
  value: string;
  unit: string;
}

const SI = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Three significant digits, never an exponent: 1.23, 12.3, 123. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

function scaled(value: number, unit: string): Quantity {
  let step = 0;
  let rest = value;
  // 999.5 would be shown as 1000.
  while (Math.abs(rest) >= 999.5 && step < SI.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return { value: step === 0 ? trimmed(rest) : digits(rest), unit: (SI[step] ?? '') + unit };
}

/** Whole numbers as they are; small fractions with the digits that tell. */
function trimmed(value: number): string {
  if (Number.isInteger(value)) return value.toFixed(0);
  return Math.abs(value) >= 100 ? value.toFixed(0) : digits(value);
}

export const bits = (value: number): Quantity => scaled(value, 'bit/s');
export const bytes = (value: number): Quantity => scaled(value, 'B');
export const rate = (value: number, unit: string): Quantity => scaled(value, unit);

/** 12.3k: a count where space is short. */
export function short(value: number): string {
  const { value: number, unit } = scaled(value, '');
  return number + unit;
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 1,204: a count in full. */
export const count = (value: number): string => grouped.format(value);

/** A time span given in nanoseconds. */
export function span(ns: number): Quantity {
  const size = Math.abs(ns);
  if (size === 0) return { value: '0', unit: 's' };
  if (size < 1e3) return { value: digits(ns), unit: 'ns' };
  if (size < 999.5e3) return { value: digits(ns / 1e3), unit: 'µs' };
  if (size < 999.5e6) return { value: digits(ns / 1e6), unit: 'ms' };
  if (size < 120e9) return { value: digits(ns / 1e9), unit: 's' };
  if (size < 7200e9) return { value: digits(ns / 60e9), unit: 'min' };
  if (size < 172_800e9) return { value: digits(ns / 3600e9), unit: 'h' };
  return { value: digits(ns / 86_400e9), unit: 'd' };
}

/** A quantity as one text. */
export const text = (quantity: Quantity): string => (quantity.unit === '' ? quantity.value : `${quantity.value} ${quantity.unit}`);

/** A share of one, in percent. */
export function percent(share: number): string {
  if (share === 0) return '0 %';
  return Math.abs(share) < 0.0001 ? '< 0.01 %' : `${digits(share * 100)} %`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** 14:03:22 in the browser's time zone. */
export function clock(ms: number, withMillis = false): string {
  const date = new Date(ms);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return withMillis ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time;
}

/** 2026-11-26 in the browser's time zone. */
export function day(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Date and time; without the date if it is of today. */
export function when(ms: number, now: number, withMillis = false): string {
  return day(ms) === day(now) ? clock(ms, withMillis) : `${day(ms)} ${clock(ms, withMillis)}`;
}

/** 2026-11-26T14:03: what an input of type datetime-local wants. */
export const forInput = (ms: number): string => `${day(ms)}T${clock(ms)}`;

/** UTC+2, UTC−3:30: the browser's time zone at that moment. */
export function zone(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  const rest = size % 60;
  return `UTC${minutes < 0 ? '−' : '+'}${Math.floor(size / 60)}${rest === 0 ? '' : `:${two(rest)}`}`;
}
