import { words } from '../i18n';
import { count, short, when } from '../lib/format';
import { losses, verdict } from '../lib/ledger';
import { connection, view } from '../lib/live';
import { href } from '../lib/url';
import { Icon } from './icons';

const ICONS = { good: 'check', bad: 'warning', stale: 'clock' } as const;

/** The ledger in one line, always in sight. */
export function LedgerBadge() {
  const t = words.value.ledger;
  const current = view.value;
  if (connection.value === 'history') return null;
  if (!current) return <span class="ledger idle">{t.waiting}</span>;
  const state = verdict(current, connection.value);
  const lost = losses(current, t);
  const books = current.balanced ? t.balanced : t.unbalanced;
  const delivered = current.ledger.frames.delivered;
  return (
    <a class={`ledger ${state}${lost.length > 1 ? ' crowded' : ''}`} href={href('sensor')} title={state === 'stale' ? t.asOf(when(current.ts, Date.now())) : t.title} data-lost={current.lost_packets}>
      <Icon name={ICONS[state]} />
      <span class="num ledger-packets">
        <span class="full">{t.packets(count(delivered))}</span>
        <span class="brief">{t.packets(short(delivered))}</span>
      </span>
      {lost.map((said, i) => (
        <span class="num" key={i}>
          {said}
        </span>
      ))}
      <span class="ledger-books">{books}</span>
    </a>
  );
}
