// The live stream of all pages that are open in this browser. Over HTTP/1.1 a browser has six connections to a server, and a stream holds
// one for good: here all pages share one, whichever of them is closed. A page that comes later is told at once what the others know.

import type { Second } from '../api';
import { merge } from './series';

/** A stream that has said nothing for so long is opened anew when a page asks for it. */
const SILENCE_MS = 5000;

/** What a page is told; `view` and `seconds` are JSON, `past` is what is known already. */
export type Told = { past: Second[] } | { seconds: string } | { view: string } | { lost: true };
/** What a page says: it wants to be told, or not any more. */
export type Said = { open: string } | { close: true };

const pages = new Set<MessagePort>();
let stream: EventSource | null = null;
let heard = 0;
let known: Second[] = [];
let latest: string | null = null;

function tell(told: Told): void {
  for (const page of pages) page.postMessage(told);
}

function close(): void {
  stream?.close();
  stream = null;
  latest = null;
}

function open(address: string): void {
  close();
  const opened = new EventSource(address);
  stream = opened;
  heard = Date.now();
  opened.addEventListener('seconds', (event: MessageEvent<string>) => {
    heard = Date.now();
    known = merge(known, JSON.parse(event.data) as Second[]);
    tell({ seconds: event.data });
  });
  opened.addEventListener('view', (event: MessageEvent<string>) => {
    heard = Date.now();
    latest = event.data;
    const { second } = JSON.parse(event.data) as { second: Second };
    if (second.ts > 0) known = merge(known, [second]);
    tell({ view: event.data });
  });
  opened.onerror = () => {
    if (stream !== opened) return;
    close();
    // Each of them finds out why, and asks again.
    tell({ lost: true });
    pages.clear();
  };
}

function join(page: MessagePort, address: string): void {
  pages.add(page);
  if (stream === null || Date.now() - heard > SILENCE_MS) {
    open(address);
    return;
  }
  // Before the first view there is nothing yet: it is told to all.
  if (latest === null) return;
  page.postMessage({ past: known } satisfies Told);
  page.postMessage({ view: latest } satisfies Told);
}

function leave(page: MessagePort): void {
  pages.delete(page);
  if (pages.size === 0) close();
}

// Of a shared worker, which the types of pages do not know.
const own = globalThis as unknown as { onconnect: (event: MessageEvent) => void };
own.onconnect = (event) => {
  const page = event.ports[0];
  if (!page) return;
  page.onmessage = ({ data }: MessageEvent<Said>) => ('open' in data ? join(page, data.open) : leave(page));
};
