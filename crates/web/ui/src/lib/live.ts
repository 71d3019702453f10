// The live stream: one view a second, and the seconds behind it. It is closed while the page is hidden, and comes back by itself when it
// is lost. All pages share one (stream.ts).

import { signal } from '@preact/signals';
import { api, ApiError, type Second, type View } from '../api';
import { merge } from './series';
import { follow, type Stream } from './stream';

/** `history`: no run goes on, there is a store only. */
export type Connection = 'connecting' | 'live' | 'lost' | 'history';

export const connection = signal<Connection>('connecting');
export const view = signal<View | null>(null);
/** Oldest first, at most an hour. */
export const seconds = signal<Second[]>([]);
/** Counts connections that were regained: what was asked for before is asked again. */
export const regained = signal(0);
/** When the next attempt is made, milliseconds since 1970. */
export const nextAttempt = signal<number | null>(null);

/** Without a view for so long the connection counts as lost, even if nothing said so. */
const SILENCE_MS = 6000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

let stream: Stream | null = null;
let silence: ReturnType<typeof setTimeout> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let wait = FIRST_WAIT_MS;
let wasLost = false;

function alive(): void {
  clearTimeout(silence);
  silence = setTimeout(lost, SILENCE_MS);
  wait = FIRST_WAIT_MS;
  nextAttempt.value = null;
  if (connection.value !== 'live') {
    connection.value = 'live';
    if (wasLost) regained.value += 1;
    wasLost = false;
  }
}

function close(): void {
  clearTimeout(silence);
  clearTimeout(retry);
  stream?.close();
  stream = null;
}

function lost(): void {
  close();
  if (document.hidden || stopped) return;
  wasLost = true;
  connection.value = 'lost';
  nextAttempt.value = Date.now() + wait;
  retry = setTimeout(attempt, wait);
  wait = Math.min(LONGEST_WAIT_MS, wait * 2);
}

/** Asks with a plain request first: an event stream does not tell why it failed, and a failed one is an error in the console each time. */
async function attempt(): Promise<void> {
  try {
    await api.session();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) lost();
    return;
  }
  open();
}

function open(): void {
  close();
  if (stopped || document.hidden) return;
  silence = setTimeout(lost, SILENCE_MS);
  const opened = follow({
    seconds: (past) => {
      alive();
      seconds.value = merge(seconds.value, past);
    },
    view: (next) => {
      alive();
      view.value = next;
      if (next.second.ts > 0) seconds.value = merge(seconds.value, [next.second]);
    },
    lost: () => {
      if (stream === opened) lost();
    },
  });
  stream = opened;
}

let stopped = true;

export function start(): void {
  if (!stopped) return;
  stopped = false;
  open();
}

/** There is no run to follow. */
export function none(): void {
  stop();
  connection.value = 'history';
}

/** When nobody is logged in. */
export function stop(): void {
  stopped = true;
  close();
}

/** Fetches what the stream did not bring, back to `since`. */
export async function fill(since: number, abort: AbortSignal): Promise<void> {
  const oldest = seconds.value[0];
  if (oldest && oldest.ts <= since + 1500) return;
  const fetched = await api.seconds(since, abort);
  seconds.value = merge(fetched, seconds.value);
}

/** Tries now. */
export function reconnect(): void {
  clearTimeout(retry);
  void attempt();
}

document.addEventListener('visibilitychange', () => {
  if (stopped) return;
  if (document.hidden) close();
  else open();
});
