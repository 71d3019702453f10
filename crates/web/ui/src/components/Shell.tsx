// The frame around every page: navigation, the ledger, the time range, alerts.

import type { ComponentChildren } from 'preact';
import { words } from '../i18n';
import { PAGE_KEYS } from '../lib/keys';
import { status } from '../lib/session';
import { href, PAGES, place } from '../lib/url';
import { Alerts } from './Alerts';
import { ConnectionBar, ConnectionDot } from './ConnectionBar';
import { Icon } from './icons';
import { LedgerBadge } from './LedgerBadge';
import { RangePicker } from './RangePicker';
import { SettingsMenu } from './SettingsMenu';

const LETTERS = Object.fromEntries(Object.entries(PAGE_KEYS).map(([key, page]) => [page, key]));

export function Shell({ children }: { children: ComponentChildren }) {
  const t = words.value;
  const { page } = place.value;
  return (
    <div class="shell">
      <a class="skip" href="#content" onClick={(event) => (event.preventDefault(), document.getElementById('content')?.focus())}>
        {t.nav.skip}
      </a>
      <nav class="nav" aria-label={t.nav.main}>
        <a class="brand" href={href('now')}>
          <img src="/favicon.svg" alt="" width="22" height="22" />
          <span>{t.product}</span>
        </a>
        <ul>
          {PAGES.map((one) => (
            <li key={one}>
              <a href={href(one)} aria-current={one === page ? 'page' : undefined} title={`${t.pages[one]}  g ${LETTERS[one] ?? ''}`}>
                <Icon name={one} />
                <span>{t.pages[one]}</span>
              </a>
            </li>
          ))}
        </ul>
        <p class="nav-foot num" title={status.value?.version}>
          {status.value?.sensor}
        </p>
      </nav>
      <div class="column">
        <header class="top">
          <ConnectionDot />
          <LedgerBadge />
          <div class="spring" />
          <RangePicker />
          <SettingsMenu />
        </header>
        <ConnectionBar />
        <main id="content" tabIndex={-1}>
          <Alerts />
          {children}
        </main>
      </div>
    </div>
  );
}
