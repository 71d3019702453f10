// The keyboard, in one place: single keys, and `g` followed by a page's letter.

import { signal } from '@preact/signals';
import { clock, go, href, now, range, setRange, type Page } from './url';
import { readRange, shift, zoomOut } from './range';
import { shown, theme } from './settings';

export const PAGE_KEYS: Record<string, Page> = {
  n: 'now',
  f: 'flows',
  h: 'hosts',
  a: 'applications',
  t: 'tcp',
  d: 'dns',
  l: 'tls',
  s: 'sensor',
  q: 'query',
};

export const helpShown = signal(false);

const LETTER_MS = 1500;
let awaited = 0;

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function listen(): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const letter = event.key;
    if (awaited > event.timeStamp) {
      awaited = 0;
      const page = PAGE_KEYS[letter];
      if (page) {
        event.preventDefault();
        go(href(page));
      }
      return;
    }
    const action = ACTIONS[letter];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}

const ACTIONS: Record<string, (event: KeyboardEvent) => void> = {
  g: (event) => {
    awaited = event.timeStamp + LETTER_MS;
  },
  '/': () => {
    const field = document.querySelector<HTMLElement>('[data-search]');
    if (field) field.focus();
    else go(href('flows'));
  },
  '?': () => {
    helpShown.value = !helpShown.value;
  },
  t: () => {
    theme.value = shown.value === 'dark' ? 'light' : 'dark';
  },
  '[': () => setRange(shift(range.value, -1, clock())),
  ']': () => setRange(shift(range.value, 1, clock())),
  z: () => setRange(zoomOut(range.value, now.value)),
  '.': () => setRange(readRange(new URLSearchParams())),
};
