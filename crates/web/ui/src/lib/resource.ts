// What a page asks the monitor for: asked again when its key changes, cancelled when the view goes away, retried when the connection is back.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api';
import { regained } from './live';

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

interface State<T> {
  /** What `data` answers. */
  subject: string | null;
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
}

/**
 * `subject` names what is asked; when it changes, what was there is stale and goes. `edition` changes when the same is asked again (time moved on):
 * what is there stays until the new answer comes. `load` may hand over partial answers.
 */
export function useResource<T>(
  subject: string | null,
  edition: string | number,
  load: (signal: AbortSignal, partial: (data: T) => void) => Promise<T>,
): Resource<T> {
  const [state, setState] = useState<State<T>>({ subject: null, data: undefined, error: undefined, loading: subject !== null });
  const [again, setAgain] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const connected = regained.value;

  const flight = useRef<{ cause: string; abort: AbortController; done: boolean } | null>(null);

  useEffect(() => {
    const cause = `${subject} ${again} ${connected}`;
    // Only time moved on, and the answer of before is still to come: it would never come if it were asked anew each time.
    if (flight.current?.cause === cause && !flight.current.done) return;
    flight.current?.abort.abort();
    flight.current = null;
    if (subject === null) {
      setState({ subject, data: undefined, error: undefined, loading: false });
      return;
    }
    const abort = new AbortController();
    const mine = { cause, abort, done: false };
    flight.current = mine;
    setState((old) => ({ subject, data: old.subject === subject ? old.data : undefined, error: undefined, loading: true }));
    latest
      .current(abort.signal, (data) => {
        if (!abort.signal.aborted) setState({ subject, data, error: undefined, loading: true });
      })
      .then((data) => {
        if (!abort.signal.aborted) setState({ subject, data, error: undefined, loading: false });
      })
      .catch((cause: unknown) => {
        if (abort.signal.aborted) return;
        const error = cause instanceof ApiError ? cause : new ApiError(0, 'unreadable', cause instanceof Error ? cause.message : String(cause));
        setState((old) => ({ ...old, error, loading: false }));
      })
      .finally(() => (mine.done = true));
  }, [subject, edition, again, connected]);

  useEffect(() => () => flight.current?.abort.abort(), []);

  return { data: state.subject === subject ? state.data : undefined, error: state.error, loading: state.loading, reload: () => setAgain((n) => n + 1) };
}
