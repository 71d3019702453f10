import type { ComponentChildren } from 'preact';

interface Props {
  title: string;
  hint?: string | undefined;
  /** What stands at the right of the title. */
  aside?: ComponentChildren;
  loading?: boolean;
  wide?: boolean;
  flush?: boolean;
  /** The title is for those who do not see the page. */
  bare?: boolean;
  className?: string;
  children: ComponentChildren;
}

/** A box with a title. */
export function Panel({ title, hint, aside, loading = false, wide = false, flush = false, bare = false, className = '', children }: Props) {
  return (
    <section class={`panel${wide ? ' wide' : ''} ${className}`} aria-label={title} aria-busy={loading}>
      <div class={`progress${loading ? ' on' : ''}`} />
      <header class={bare ? 'unseen' : 'panel-head'}>
        <h2>{title}</h2>
        {hint === undefined ? null : <p class="hint">{hint}</p>}
        {aside === undefined ? null : <div class="panel-aside">{aside}</div>}
      </header>
      <div class={flush ? 'panel-body flush' : 'panel-body'}>{children}</div>
    </section>
  );
}
