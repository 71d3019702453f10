// The filter field: completion as a combobox, a check of what is typed, the terms as chips below.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { api } from '../api';
import { words } from '../i18n';
import { offers, type Offer } from '../lib/complete';
import { terms, withoutTerm } from '../lib/filter';
import { filterFields } from '../lib/session';
import { Icon } from './icons';

interface Props {
  value: string;
  onApply: (text: string) => void;
}

const CHECK_MS = 250;

export function FilterInput({ value, onApply }: Props) {
  const t = words.value.flows;
  const text = useSignal(value);
  const list = useSignal<Offer[]>([]);
  const place = useSignal({ begin: 0, end: 0 });
  const chosen = useSignal(-1);
  const problem = useSignal<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const asked = useRef(0);

  useEffect(() => {
    text.value = value;
  }, [value]);

  useEffect(() => {
    if (text.value.trim() === '') {
      problem.value = null;
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      api
        .filterCheck(text.value, abort.signal)
        .then((check) => (problem.value = check.ok ? null : (check.error ?? '')))
        .catch(() => {});
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text.value]);

  const close = (): void => {
    asked.current += 1;
    list.value = [];
    chosen.value = -1;
  };
  const offer = async (): Promise<void> => {
    const element = input.current;
    if (!element) return;
    const mine = (asked.current += 1);
    const found = await offers(element.value, element.selectionStart ?? element.value.length, filterFields.value);
    if (asked.current !== mine || document.activeElement !== element) return;
    list.value = found.offers;
    place.value = { begin: found.begin, end: found.end };
    chosen.value = -1;
  };
  const take = (one: Offer): void => {
    const { begin, end } = place.value;
    const inserted = one.open ? one.text : `${one.text} `;
    const next = text.value.slice(0, begin) + inserted + text.value.slice(end).replace(/^ /, one.open ? ' ' : '');
    text.value = next;
    const caret = begin + inserted.length;
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(caret, caret);
      void offer();
    });
  };
  const apply = (next: string): void => {
    close();
    onApply(next.trim());
  };
  const onKey = (event: KeyboardEvent): void => {
    const all = list.value;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (all.length === 0) void offer();
      else if (event.key === 'ArrowDown') chosen.value = (chosen.value + 1) % all.length;
      else chosen.value = chosen.value <= 0 ? all.length - 1 : chosen.value - 1;
    } else if (event.key === 'Tab' && all.length > 0 && !event.shiftKey && (chosen.value >= 0 || all.length === 1)) {
      event.preventDefault();
      const one = all[Math.max(0, chosen.value)];
      if (one) take(one);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const one = all[chosen.value];
      if (one) take(one);
      else apply(text.value);
    } else if (event.key === 'Escape') {
      if (all.length > 0) close();
      else input.current?.blur();
    }
  };

  const chips = terms(value);
  const isSimple = !chips.some((chip) => /^-?\($|^\)$|^or$/i.test(chip.text));
  return (
    <div class="filter">
      <div class={`filter-field${problem.value === null ? '' : ' wrong'}`}>
        <Icon name="search" />
        <input
          ref={input}
          class="filter-input"
          type="text"
          role="combobox"
          aria-label={t.filter}
          aria-expanded={list.value.length > 0}
          aria-controls="filter-offers"
          aria-autocomplete="list"
          aria-activedescendant={chosen.value >= 0 ? `offer-${chosen.value}` : undefined}
          aria-invalid={problem.value !== null}
          aria-describedby={problem.value === null ? undefined : 'filter-problem'}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          data-search
          placeholder={t.placeholder}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            void offer();
          }}
          onFocus={() => void offer()}
          onClick={() => void offer()}
          onBlur={() => setTimeout(close, 120)}
          onKeyDown={onKey}
        />
        {text.value === '' ? (
          <kbd class="filter-key">/</kbd>
        ) : (
          <button type="button" class="button icon-only quiet" aria-label={t.clear} title={t.clear} onClick={() => apply('')}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <ul id="filter-offers" class="offers" role="listbox" aria-label={t.filter} hidden={list.value.length === 0}>
        {list.value.map((one, i) => (
          <li
            key={one.text}
            id={`offer-${i}`}
            role="option"
            aria-selected={i === chosen.value}
            class={i === chosen.value ? 'on' : ''}
            onPointerDown={(event) => {
              event.preventDefault();
              take(one);
            }}
          >
            <code>{one.shown}</code>
            <span>{one.doc}</span>
          </li>
        ))}
      </ul>
      {problem.value === null ? null : (
        <p id="filter-problem" class="filter-problem" role="alert">
          {problem.value}
        </p>
      )}
      {isSimple && chips.length > 0 ? (
        <ul class="chips">
          {chips.map((chip, i) => (
            <li key={chip.text} class={chip.text.startsWith('-') ? 'chip not' : 'chip'}>
              <code>{chip.text}</code>
              <button type="button" aria-label={t.remove(chip.text)} title={t.remove(chip.text)} onClick={() => onApply(withoutTerm(value, i))}>
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
