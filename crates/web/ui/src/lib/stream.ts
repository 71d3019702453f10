// The live stream as one page follows it: through the worker that all pages share, or by itself where the browser has no such worker.

import { LIVE, type Second, type View } from '../api';
import type { Said, Told } from './stream.worker';

export interface Listener {
  seconds: (seconds: Second[]) => void;
  view: (view: View) => void;
  /** It ended, or never began. */
  lost: () => void;
}

export interface Stream {
  close: () => void;
}

let worker: SharedWorker | null | undefined;

/** The worker; `null`: there is none to be had. */
function shared(): SharedWorker | null {
  if (worker !== undefined) return worker;
  try {
    worker = new SharedWorker(new URL('./stream.worker.ts', import.meta.url), { type: 'module', name: 'portreeve-live' });
    worker.port.start();
  } catch {
    worker = null;
  }
  return worker;
}

/** Follows the stream until it is closed or lost. */
export function follow(listener: Listener): Stream {
  const found = shared();
  return found === null ? alone(listener) : together(found, listener);
}

function together(found: SharedWorker, listener: Listener): Stream {
  const { port } = found;
  const say = (said: Said): void => port.postMessage(said);
  const abort = new AbortController();
  const { signal } = abort;
  port.addEventListener(
    'message',
    ({ data }: MessageEvent<Told>) => {
      if ('past' in data) listener.seconds(data.past);
      else if ('seconds' in data) listener.seconds(JSON.parse(data.seconds) as Second[]);
      else if ('view' in data) listener.view(JSON.parse(data.view) as View);
      else listener.lost();
    },
    { signal },
  );
  // Its script could not be had: by itself then, from the next attempt on.
  found.addEventListener(
    'error',
    () => {
      worker = null;
      listener.lost();
    },
    { signal },
  );
  // Of a page that is left the worker is not told otherwise.
  addEventListener('pagehide', () => say({ close: true }), { signal });
  say({ open: LIVE });
  return {
    close: () => {
      abort.abort();
      say({ close: true });
    },
  };
}

function alone(listener: Listener): Stream {
  const source = new EventSource(LIVE);
  source.addEventListener('seconds', (event: MessageEvent<string>) => listener.seconds(JSON.parse(event.data) as Second[]));
  source.addEventListener('view', (event: MessageEvent<string>) => listener.view(JSON.parse(event.data) as View));
  source.onerror = () => listener.lost();
  return source;
}
