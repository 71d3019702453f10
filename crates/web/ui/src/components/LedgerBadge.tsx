import { words } from '../i18n';
import { count, short } from '../lib/format';
import { connection, view } from '../lib/live';
import { href } from '../lib/url';
import { Icon } from './icons';

/** The ledger in one line, always in sight. */
export function LedgerBadge() {
  const t = words.value.ledger;
  const current = view.value;
  if (connection.value === 'history') return null;
  if (!current) return <span class="ledger idle">{t.waiting}</span>;
  const good = current.balanced && !current.lost_anything;
  const lost = current.lost_packets === 0 ? t.nothingLost : t.lost(count(current.lost_packets));
  const books = current.balanced ? t.balanced : t.unbalanced;
  const delivered = current.ledger.frames.delivered;
  return (
    <a class={`ledger ${good ? 'good' : 'bad'}`} href={href('sensor')} title={t.title} data-lost={current.lost_packets}>
      <Icon name={good ? 'check' : 'warning'} />
      <span class="num ledger-packets">
        <span class="full">{t.packets(count(delivered))}</span>
        <span class="brief">{t.packets(short(delivered))}</span>
      </span>
      <span class="num">{lost}</span>
      <span class="ledger-books">{books}</span>
    </a>
  );
}
