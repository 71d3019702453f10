// What stands where data should: loading, nothing, wrong, part of it.

import type { ComponentChildren } from 'preact';
import type { ApiError, Origin } from '../api';
import type { Resource } from '../lib/resource';
import { words } from '../i18n';
import { when } from '../lib/format';
import { Icon } from './icons';

export function Empty({ title, hint, children }: { title: string; hint?: string | undefined; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {hint === undefined ? null : <p>{hint}</p>}
      {children}
    </div>
  );
}

export function Failed({ error, again }: { error: ApiError; again: () => void }) {
  const t = words.value.state;
  if (error.unreachable && error.code === 'unreachable') return <Empty title={t.error} hint={t.unreachable} />;
  return (
    <div class="state" role="alert">
      <p class="state-title bad">
        <Icon name="warning" /> {error.message}
      </p>
      {error.hint === null ? null : <p>{error.hint}</p>}
      <button type="button" class="button" onClick={again}>
        {t.again}
      </button>
    </div>
  );
}

/** Grey lines where rows will be. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={words.value.state.loading}>
      {Array.from({ length: lines }, (_, i) => (
        <i key={i} style={{ width: `${88 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

/** Says what an answer is not about. */
export function Scope({ of }: { of: { from: Origin; complete: boolean; since?: number } }) {
  const t = words.value.state;
  if (of.complete) return null;
  const since = of.since === undefined ? null : when(of.since, Date.now());
  const said = of.from === 'live' ? (since === null ? t.liveFlows : t.liveSince(since)) : since === null ? t.partial : t.since(since);
  return (
    <p class="note" role="status">
      <Icon name="clock" /> {said}
    </p>
  );
}

/** Says how many of several tables are there, while some are on their way for the first time. */
export function SoFar({ of }: { of: Resource<unknown>[] }) {
  const there = of.filter(({ data }) => data !== undefined).length;
  if (!of.some(({ data, error }) => data === undefined && error === undefined)) return null;
  const said = words.value.tables.soFar(there, of.length);
  return (
    <p class="so-far" role="status">
      <progress max={of.length} value={there} aria-label={said} />
      <span class="num">{said}</span>
    </p>
  );
}

interface Props<T> {
  of: Resource<T>;
  lines?: number;
  isEmpty?: (data: T) => boolean;
  children: (data: T) => ComponentChildren;
}

/** The data, or what stands in its place. */
export function Shown<T>({ of, lines, isEmpty, children }: Props<T>) {
  const t = words.value.state;
  if (of.data === undefined) {
    if (of.error) return <Failed error={of.error} again={of.reload} />;
    return <Skeleton lines={lines ?? 6} />;
  }
  return (
    <>
      {of.error && !of.error.unreachable ? <Failed error={of.error} again={of.reload} /> : null}
      {isEmpty?.(of.data) === true ? of.loading ? <Skeleton lines={lines ?? 6} /> : <Empty title={t.nothing} hint={t.nothingHint} /> : children(of.data)}
    </>
  );
}
