// What the filter field offers at the caret: fields first, then a field's values, from what was seen in the range.

import { api, type FilterField, type TopKind } from '../api';
import { quoted, wordAt } from './filter';
import { currentBounds } from './url';

export interface Offer {
  /** What is put in place of the word. */
  text: string;
  shown: string;
  doc: string;
  /** A field waits for its value: the caret stays behind the colon. */
  open: boolean;
}

const KINDS: Record<string, TopKind> = {
  service: 'service',
  app: 'app',
  country: 'country',
  proto: 'proto',
  state: 'conn_state',
  host: 'host',
  src: 'host',
  dst: 'host',
  port: 'port',
  dport: 'port',
};

const MOST = 12;
const cache = new Map<string, Promise<string[]>>();

/** Values of a field that were seen, greatest first; remembered for a minute. */
function seen(kind: TopKind): Promise<string[]> {
  const { from, to } = currentBounds.value;
  const key = `${kind} ${Math.floor(from / 60_000)} ${Math.floor(to / 60_000)}`;
  let values = cache.get(key);
  if (!values) {
    values = api
      .top({ from, to, kind, limit: 50 })
      .then((top) => top.rows.map((row) => row.name).filter((name) => name !== ''))
      .catch(() => []);
    cache.clear();
    cache.set(key, values);
  }
  return values;
}

export async function offers(text: string, caret: number, fields: FilterField[]): Promise<{ begin: number; end: number; offers: Offer[] }> {
  const word = wordAt(text, caret);
  const sign = word.negated ? '-' : '';
  const typed = word.value.replace(/^"/, '').toLowerCase();
  if (word.field === null) {
    const fits = fields.filter((field) => field.name.toLowerCase().startsWith(typed));
    return { ...word, offers: fits.slice(0, MOST).map(({ name, doc }) => ({ text: `${sign}${name}:`, shown: `${name}:`, doc, open: true })) };
  }
  const field = fields.find(({ name }) => name === word.field);
  const kind = KINDS[word.field];
  const values = kind ? await seen(kind) : [];
  const plain = kind === 'port' ? values.map((value) => value.replace(/^\w+\//, '')) : values;
  const fits = [...new Set(plain)].filter((value) => value.toLowerCase().includes(typed));
  // Nothing of it was seen: an example says at least how it is written.
  if (fits.length === 0 && typed === '' && field?.example) return { ...word, offers: [{ text: `${sign}${field.example}`, shown: field.example, doc: field.doc, open: false }] };
  return { ...word, offers: fits.slice(0, MOST).map((value) => ({ text: `${sign}${word.field}:${quoted(value)}`, shown: value, doc: '', open: false })) };
}
