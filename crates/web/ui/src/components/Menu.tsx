// A button with a small sheet below it; closed by Escape and by a click elsewhere.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  label: string;
  button: ComponentChildren;
  className?: string;
  align?: 'left' | 'right';
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, button, className = 'button', align = 'right', children }: Props) {
  const open = useSignal(false);
  const holder = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open.value) return;
    const away = (event: Event): void => {
      if (event.target instanceof Node && holder.current?.contains(event.target) === false) open.value = false;
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      open.value = false;
      opener.current?.focus();
      event.stopPropagation();
    };
    document.addEventListener('pointerdown', away);
    document.addEventListener('keydown', escape, true);
    return () => {
      document.removeEventListener('pointerdown', away);
      document.removeEventListener('keydown', escape, true);
    };
  }, [open.value]);

  return (
    <div class="menu" ref={holder}>
      <button type="button" class={className} ref={opener} aria-haspopup="dialog" aria-expanded={open.value} aria-label={label} title={label} onClick={() => (open.value = !open.value)}>
        {button}
      </button>
      {open.value ? (
        <div class={`sheet at-${align}`} role="dialog" aria-label={label}>
          {children(() => (open.value = false))}
        </div>
      ) : null}
    </div>
  );
}
