// A value that a click turns into a term of the filter.

import type { Cell } from '../api';
import { words } from '../i18n';
import { isNumeric, lookOf, plain, quantity, termOf, toMillis, type Look } from '../lib/fields';
import { day } from '../lib/format';
import { term, withTerm } from '../lib/filter';
import { change, go, href, place } from '../lib/url';
import { Amount } from './Amount';

/** Puts the term into the filter of Flows, from whatever page. */
export function filterBy(field: string, value: string, without: boolean): void {
  const onFlows = place.value.page === 'flows';
  const filter = withTerm(onFlows ? (place.value.params.get('filter') ?? '') : '', field, value, without);
  if (onFlows) change({ filter, cursor: null, page: null, flow: null });
  else go(href('flows', { filter }));
}

export function Term({ field, value, shown }: { field: string; value: string; shown: string }) {
  const title = words.value.flows.add(term(field, value));
  return (
    <button
      type="button"
      class="value"
      title={title}
      onClick={(event) => {
        event.stopPropagation();
        filterBy(field, value, event.altKey);
      }}
    >
      {shown}
    </button>
  );
}

/** A field of a record: a button where the filter knows it, a link for an address, else the value as it is read best. */
export function Field({ name, value, look = lookOf(name), link = false }: { name: string; value: Cell | undefined; look?: Look; link?: boolean }) {
  if (value === null || value === undefined) return <span class="none">–</span>;
  if (look === 'address' && link && typeof value === 'string') return <a href={href('hosts', { address: value })}>{value}</a>;
  if (name === 'weak' && value === true) return <span class="tag alarm">{words.value.tables.weak}</span>;
  const rcode = name === 'rcode' ? words.value.tables.rcodes[String(value)] : undefined;
  if (rcode !== undefined) return <span>{rcode}</span>;
  if (name === 'not_valid_after') return <Expiry at={toMillis(value)} />;
  const known = link ? null : termOf(name, value);
  if (known) return <Term field={known[0]} value={known[1]} shown={String(value)} />;
  if (typeof value === 'number' && isNumeric(look)) {
    const amount = quantity(look, value);
    if (amount && amount.unit !== '') return <Amount of={amount} />;
  }
  const shown = plain(name, value, look);
  return isNumeric(look) || look === 'time' ? <span class="num">{shown}</span> : <span title={shown.length > 40 ? shown : undefined}>{shown}</span>;
}

const SOON_MS = 30 * 86_400_000;

/** The day until which a certificate is good: red when that is over, amber when it is near. */
function Expiry({ at }: { at: number | null }) {
  if (at === null) return <span class="none">–</span>;
  const left = at - Date.now();
  return <span class={`num${left < 0 ? ' bad' : left < SOON_MS ? ' warn' : ''}`}>{day(at)}</span>;
}
