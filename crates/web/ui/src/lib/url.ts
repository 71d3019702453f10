// Where the user is: the address bar holds the whole view, so that a link restores it.

import { batch, computed, signal } from '@preact/signals';
import { bounds, readRange, writeRange, type Range } from './range';

export const PAGES = ['now', 'flows', 'hosts', 'applications', 'tcp', 'dns', 'tls', 'sensor', 'query'] as const;
export type Page = (typeof PAGES)[number];

export interface Place {
  page: Page | null;
  /** Which host's page: `/hosts?address=…`. */
  address: string | null;
  params: URLSearchParams;
}

export type Params = Record<string, string | null>;

function read(): Place {
  const path = location.pathname.replace(/^\/|\/$/g, '');
  const page = path === '' ? 'now' : (PAGES.find((name) => name === path) ?? null);
  const params = new URLSearchParams(location.search);
  return { page, address: params.get('address'), params };
}

export const place = signal<Place>(read());
export const range = computed<Range>(() => readRange(place.value.params));

/** Where time ends if no run goes on: at the history's last moment, milliseconds since 1970. */
let last: number | null = null;
/** The moment that relative ranges end at. */
export const clock = (): number => last ?? Date.now();
/** Moved on by whoever wants relative ranges to be read again. */
export const now = signal(clock());

/** Nothing will come after this. */
export function endAt(moment: number): void {
  last = moment;
  now.value = moment;
}
export const currentBounds = computed(() => bounds(range.value, now.value));

addEventListener('popstate', move);

function query(params: URLSearchParams): string {
  // Colons and slashes are legal in a query and far more readable.
  const text = params.toString().replace(/%3A/g, ':').replace(/%2F/g, '/');
  return text === '' ? '' : `?${text}`;
}

/** The address of a page. The range goes along; `params` come on top. */
export function href(page: Page, params: Params = {}): string {
  const kept = new URLSearchParams();
  for (const name of ['range', 'from', 'to']) {
    const value = place.value.params.get(name);
    if (value !== null) kept.set(name, value);
  }
  apply(kept, params);
  return (page === 'now' ? '/' : `/${page}`) + query(kept);
}

function apply(params: URLSearchParams, changes: Params): void {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') params.delete(name);
    else params.set(name, value);
  }
}

export function go(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  move();
}

/** Parameters that decide what is asked for; others only how it is shown. */
const ASKED = ['range', 'from', 'to', 'filter', 'order'];

/** Takes over where the address bar is. A new question is about this moment; the drawer of a flow does not move the list behind it. */
function move(): void {
  batch(() => {
    const before = place.peek();
    const next = read();
    const same = before.page === next.page && before.address === next.address && ASKED.every((name) => before.params.get(name) === next.params.get(name));
    if (!same) now.value = clock();
    place.value = next;
  });
}

/** Changes parameters of the page one is on. */
export function change(changes: Params, how: 'push' | 'replace' = 'push'): void {
  const params = new URLSearchParams(place.value.params);
  apply(params, changes);
  go(location.pathname + query(params), how);
}

export const setRange = (next: Range): void => change(writeRange(next));

/** Links of our own are followed without loading the page anew. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (/^\/(api|metrics|healthz|readyz)/.test(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
    scrollTo(0, 0);
  });
}
