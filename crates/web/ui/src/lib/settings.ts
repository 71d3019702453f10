// What a person sets once: theme and language. Kept in the browser, not in the address: a link should not change how the other's screen looks.

import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
export type Language = 'en' | 'zh';

function kept(name: string): string | null {
  try {
    return localStorage.getItem(`portreeve.${name}`);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`portreeve.${name}`, value);
  } catch {
    // Storage may be forbidden; the setting holds for this page then.
  }
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function firstTheme(): Theme {
  const value = kept('theme');
  return value === 'light' || value === 'dark' ? value : 'system';
}

function firstLanguage(): Language {
  const value = kept('language');
  if (value === 'en' || value === 'zh') return value;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export const theme = signal<Theme>(firstTheme());
export const language = signal<Language>(firstLanguage());
/** The theme in force. */
export const shown = signal<'light' | 'dark'>('light');

export function recall(name: string): string | null {
  return kept(name);
}

function settle(): void {
  shown.value = theme.value === 'system' ? (dark.matches ? 'dark' : 'light') : theme.value;
  document.documentElement.dataset['theme'] = shown.value;
}

dark.addEventListener('change', settle);
effect(() => {
  keep('theme', theme.value);
  settle();
});
effect(() => {
  keep('language', language.value);
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
});
