// How fields are shown: by their names, which are the same in every log and table, else by their kind.

import type { Cell } from '../api';
import { bits, bytes, count, digits, percent, rate, span, text, when, type Quantity } from './format';

export type Look = 'address' | 'time' | 'bytes' | 'bits' | 'span' | 'count' | 'percent' | 'hundredths' | 'ratio' | 'flag' | 'text';

const BY_NAME: [RegExp, Look][] = [
  [/^(id\.orig_h|id\.resp_h|address|host|server|client|peer_address|orig_h|resp_h|assigned_addr|client_addr|server_addr)$/, 'address'],
  [/^(ts|time|t|bucket|first_seen|last_seen|since|expires|not_valid_after|not_valid_before|not_after|not_before|certificate\.not_valid_(after|before))$/, 'time'],
  [/(^|_)bits(_per_s)?$/, 'bits'],
  [/(^|_)(bytes|sent|received|ip_bytes|window|mss)$/, 'bytes'],
  [/(^|_)(duration|rtt|interval|ts_delta|lease_time|latency)(_|$)|_ns$|^(p50|p90|p95|p99|TTLs)$/, 'span'],
  [/(^|_)percent$/, 'hundredths'],
  [/(^|_)(share|ratio|part)$/, 'percent'],
];

const BY_KIND: [RegExp, Look][] = [
  [/^addr/i, 'address'],
  [/time(?!out)|date/i, 'time'],
  [/interval|duration/i, 'span'],
  [/bytes/i, 'bytes'],
  [/bool/i, 'flag'],
  [/float|double|decimal/i, 'ratio'],
  [/int|count|port|number/i, 'count'],
];

const IDENTIFIER = /(^|[._])(port|id\.orig_p|id\.resp_p|orig_p|resp_p|vlan|inner_vlan|asn|trans_id|qclass|qtype|rcode|ip_proto|version|status_code|depth)$/;

export function lookOf(name: string, kind = ''): Look {
  for (const [pattern, look] of BY_NAME) if (pattern.test(name)) return look;
  for (const [pattern, look] of BY_KIND) if (pattern.test(kind)) return look;
  return 'text';
}

/** Whether the column stands at the right. */
export const isNumeric = (look: Look): boolean => look === 'bytes' || look === 'bits' || look === 'span' || look === 'count' || look === 'percent' || look === 'hundredths' || look === 'ratio';

/** Milliseconds of a time in any of the forms it comes in. */
export function toMillis(value: Cell): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return null;
  const ms = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** A number with its unit, where the look has one. */
export function quantity(look: Look, value: number): Quantity | null {
  switch (look) {
    case 'bytes':
      return bytes(value);
    case 'bits':
      return bits(value);
    case 'span':
      return span(value);
    case 'percent':
      return { value: percent(value), unit: '' };
    case 'hundredths':
      return { value: percent(value / 100), unit: '' };
    case 'ratio':
      return { value: Number.isInteger(value) ? count(value) : digits(value), unit: '' };
    default:
      return null;
  }
}

export function plain(name: string, value: Cell, look = lookOf(name)): string {
  if (value === null || value === undefined) return '–';
  if (look === 'time') {
    const ms = toMillis(value);
    if (ms !== null) return when(ms, Date.now(), true);
  }
  if (typeof value === 'number') {
    const shown = quantity(look, value);
    if (shown) return text(shown);
    return IDENTIFIER.test(name) || !Number.isInteger(value) ? String(value) : count(value);
  }
  if (typeof value === 'boolean') return value ? '✓' : '–';
  if (Array.isArray(value)) return value.map((item) => plain(name, item, look)).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  return value;
}

export const perSecond = (value: number): Quantity => rate(value, '/s');

/** The filter term that a field of `conn` stands for; `null` where there is none. */
export function termOf(name: string, value: Cell): [field: string, value: string] | null {
  if (value === null || value === '' || typeof value === 'object') return null;
  const said = String(value);
  switch (name) {
    case 'id.orig_h':
      return ['src', said];
    case 'id.resp_h':
      return ['dst', said];
    case 'id.orig_p':
      return ['sport', said];
    case 'id.resp_p':
      return ['dport', said];
    case 'conn_state':
      return ['state', said];
    case 'resp_cc':
    case 'orig_cc':
      return ['country', said];
    case 'proto':
    case 'service':
    case 'app':
    case 'vlan':
    case 'source':
    case 'uid':
      return [name, said];
    default:
      return null;
  }
}
