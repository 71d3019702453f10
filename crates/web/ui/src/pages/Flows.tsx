// Conversations: filter, sort, choose columns, look into one.

import { useMemo } from 'preact/hooks';
import { api, type Flows, type LogRecord } from '../api';
import { Chart } from '../components/Chart';
import { FilterInput } from '../components/FilterInput';
import { FlowDrawer } from '../components/FlowDrawer';
import { Icon } from '../components/icons';
import { Menu } from '../components/Menu';
import { Panel } from '../components/Panel';
import { Empty, Failed, Skeleton } from '../components/States';
import { Field } from '../components/Value';
import { words } from '../i18n';
import { csv, download } from '../lib/download';
import { isNumeric, lookOf } from '../lib/fields';
import { clock, count, rate, when } from '../lib/format';
import { useResource } from '../lib/resource';
import { align, isBare } from '../lib/series';
import { known, status } from '../lib/session';
import { change, currentBounds, place, range } from '../lib/url';
import { keep, recall } from '../lib/settings';

const PAGE_ROWS = 100;
const ORDERS = ['-ts', 'ts', '-bytes', '-duration'] as const;
type Order = (typeof ORDERS)[number];

const STANDARD = ['ts', 'id.orig_h', 'id.orig_p', 'id.resp_h', 'id.resp_p', 'proto', 'service', 'app', 'conn_state', 'duration', 'orig_ip_bytes', 'resp_ip_bytes'];
const FURTHER = ['orig_pkts', 'resp_pkts', 'orig_bytes', 'resp_bytes', 'history', 'resp_name', 'orig_name', 'resp_cc', 'orig_cc', 'resp_as_org', 'syn_rtt', 'orig_retransmits', 'resp_retransmits', 'missed_bytes', 'vlan', 'source', 'end_reason', 'community_id', 'uid'];
const ALL = [...STANDARD, ...FURTHER];

const EXAMPLES = ['service:dns', 'port:443 bytes>1MB', 'state:S0 or state:REJ', 'net:10.0.0.0/8 -proto:tcp', 'duration>60s'];

function readColumns(): string[] {
  const text = place.value.params.get('columns') ?? recall('columns') ?? '';
  const wanted = text.split(',').filter((name) => ALL.includes(name));
  return wanted.length === 0 ? STANDARD : wanted;
}

function setColumns(columns: string[]): void {
  const standard = columns.join() === STANDARD.join();
  keep('columns', standard ? '' : columns.join());
  change({ columns: standard ? null : columns.join() }, 'replace');
}

/** What was found so far of a page of flows. */
interface Found {
  rows: LogRecord[];
  next: string | null;
  searchedTo: number;
  complete: boolean;
}

/** A search that found too little in its time is gone on with, page by page, until the page is full or the range is over. */
async function search(ask: { from: number; to: number; filter: string; order: Order; cursor: string | null; columns: string }, signal: AbortSignal, partial: (found: Found) => void): Promise<Found> {
  let found: Found = { rows: [], next: ask.cursor, searchedTo: ask.to, complete: false };
  for (;;) {
    const page: Flows = await api.flows({ ...ask, cursor: found.next, limit: PAGE_ROWS - found.rows.length }, signal);
    found = { rows: [...found.rows, ...page.rows], next: page.next, searchedTo: page.searched_to, complete: page.complete };
    if (page.complete || page.next === null || found.rows.length >= PAGE_ROWS) return found;
    partial(found);
  }
}

export function FlowsPage() {
  const t = words.value.flows;
  const { params } = place.value;
  const { from, to } = currentBounds.value;
  const filter = params.get('filter') ?? '';
  const cursor = params.get('cursor');
  const order = ORDERS.find((one) => one === params.get('order')) ?? '-ts';
  const open = params.get('flow');
  const columns = readColumns();
  const names: Record<Order, string> = { '-ts': t.newest, ts: t.oldest, '-bytes': t.largest, '-duration': t.longest };

  // The drawer needs to know which flow it is of, whatever is shown.
  const asked = [...new Set(['ts', 'uid', ...columns])].join();
  const subject = JSON.stringify([filter, order, cursor, range.value, asked]);
  // Further pages stay as they are: under a page that moves nobody can read.
  const found = useResource<Found>(subject, cursor === null ? to : 0, (signal, partial) => search({ from, to, filter, order, cursor, columns: asked }, signal, partial));

  return (
    <div class="page">
      <FilterInput value={filter} onApply={(text) => change({ filter: text, cursor: null, page: null })} />
      <Volume />
      <div class="toolbar">
        <Summary found={found.data} loading={found.loading} from={from} to={to} />
        <div class="spring" />
        <label class="inline">
          {t.order}
          <select class="input" value={order} onChange={(e) => change({ order: e.currentTarget.value === '-ts' ? null : e.currentTarget.value, cursor: null, page: null })}>
            {ORDERS.map((one) => (
              <option key={one} value={one}>
                {names[one]}
              </option>
            ))}
          </select>
        </label>
        <ColumnsMenu columns={columns} />
        <button
          type="button"
          class="button"
          disabled={!found.data || found.data.rows.length === 0}
          title={t.csv}
          onClick={() => download('flows.csv', csv(columns, (found.data?.rows ?? []).map((row) => columns.map((name) => row[name] ?? null))))}
        >
          <Icon name="download" /> CSV
        </button>
      </div>
      <Panel title={words.value.pages.flows} loading={found.loading} flush wide bare>
        {found.error && !(found.error.unreachable && found.data) ? <Failed error={found.error} again={found.reload} /> : null}
        {found.data ? <Rows found={found.data} columns={columns} loading={found.loading} open={open} filter={filter} /> : found.error ? null : <Skeleton lines={14} />}
      </Panel>
      <div class="pager">
        {cursor === null ? null : (
          <button type="button" class="button" onClick={() => change({ cursor: null, page: null })}>
            <Icon name="left" /> {t.first}
          </button>
        )}
        {found.data?.next != null && !found.loading ? (
          <button
            type="button"
            class="button"
            onClick={() => {
              change({ cursor: found.data?.next ?? null, page: String(Number(params.get('page') ?? '1') + 1), ...fixed(from, to) });
              scrollTo(0, 0);
            }}
          >
            {t.next} <Icon name="right" />
          </button>
        ) : null}
      </div>
      {open === null ? null : <FlowDrawer uid={open} ts={Number(params.get('at')) || null} close={() => change({ flow: null, at: null })} />}
    </div>
  );
}

/** A cursor is a place in a range that stays. */
const fixed = (from: number, to: number): Record<string, string | null> => ({ range: null, from: String(Math.floor(from)), to: String(Math.ceil(to)) });

function Summary({ found, loading, from, to }: { found: Found | undefined; loading: boolean; from: number; to: number }) {
  const t = words.value.flows;
  if (!found) return <p class="summary" role="status" />;
  const n = count(found.rows.length);
  const share = to > from ? Math.min(1, Math.max(0, (to - found.searchedTo) / (to - from))) : 1;
  return (
    <p class="summary num" role="status">
      {found.next === null ? t.found(n) : t.foundMore(n)}
      {loading && !found.complete ? (
        <>
          <progress max={1} value={share} aria-label={t.searching(clock(found.searchedTo))} />
          {t.searching(when(found.searchedTo, Date.now()))}
        </>
      ) : null}
    </p>
  );
}

function Rows({ found, columns, loading, open, filter }: { found: Found; columns: string[]; loading: boolean; open: string | null; filter: string }) {
  const t = words.value.flows;
  if (found.rows.length === 0) {
    if (loading) return <Skeleton lines={8} />;
    return (
      <Empty title={t.none} hint={filter === '' ? (status.value?.store ? t.waitingEnd : words.value.state.noStore) : words.value.state.nothingHint}>
        <ul class="examples" aria-label={t.examples}>
          {EXAMPLES.map((example) => (
            <li key={example}>
              <button type="button" class="chip" onClick={() => change({ filter: example, cursor: null })}>
                <code>{example}</code>
              </button>
            </li>
          ))}
        </ul>
      </Empty>
    );
  }
  const now = Date.now();
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={words.value.pages.flows}>
      <table class="data flows">
        <thead>
          <tr>
            {columns.map((name) => (
              <th key={name} scope="col" class={isNumeric(lookOf(name, numeric(name))) ? 'right' : ''} title={name}>
                {words.value.tables.columns[name] ?? name}
              </th>
            ))}
            <th scope="col">
              <span class="unseen">{t.details}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {found.rows.map((row) => {
            const uid = String(row['uid'] ?? '');
            const at = typeof row['ts'] === 'number' ? row['ts'] : null;
            const show = (): void => change({ flow: uid, at: at === null ? null : String(Math.floor(at)) }, open === null ? 'push' : 'replace');
            return (
              <tr key={`${uid} ${at}`} class={uid === open ? 'on' : ''} onClick={show}>
                {columns.map((name) => {
                  const look = lookOf(name, numeric(name));
                  return (
                    <td key={name} class={isNumeric(look) ? 'right' : name === 'history' || name === 'uid' ? 'mono' : ''}>
                      {name === 'ts' && at !== null ? <Begin at={at} now={now} open={row['open'] === true} /> : <Field name={name} value={row[name]} look={look} />}
                    </td>
                  );
                })}
                <td>
                  <button
                    type="button"
                    class="button icon-only quiet"
                    aria-label={t.details}
                    title={t.details}
                    onClick={(event) => {
                      event.stopPropagation();
                      show();
                    }}
                  >
                    <Icon name="right" />
                  </button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** When it began, and whether it goes on. */
function Begin({ at, now, open }: { at: number; now: number; open: boolean }) {
  return (
    <>
      <span class="num">{when(at, now, true)}</span>
      {open ? (
        <>
          {' '}
          <span class="tag ok">{words.value.flows.running}</span>
        </>
      ) : null}
    </>
  );
}

/** Columns whose values are counts, which their names alone do not say. */
const numeric = (name: string): string => (/(pkts|retransmits)$/.test(name) ? 'count' : '');

function ColumnsMenu({ columns }: { columns: string[] }) {
  const t = words.value.flows;
  return (
    <Menu
      label={t.columns}
      button={
        <>
          <Icon name="columns" /> {t.columns}
        </>
      }
    >
      {() => (
        <div class="columns-sheet">
          {ALL.map((name) => (
            <label key={name} class="check">
              <input
                type="checkbox"
                checked={columns.includes(name)}
                onChange={(e) => {
                  const wanted = e.currentTarget.checked ? ALL.filter((one) => one === name || columns.includes(one)) : columns.filter((one) => one !== name);
                  if (wanted.length > 0) setColumns(wanted);
                }}
              />
              <code>{name}</code>
            </label>
          ))}
          <button type="button" class="button" onClick={() => setColumns(STANDARD)}>
            {t.resetColumns}
          </button>
        </div>
      )}
    </Menu>
  );
}

/** How many flows when: to see where to zoom. */
function Volume() {
  const t = words.value;
  const { from, to } = currentBounds.value;
  const rates = useResource(`volume ${JSON.stringify(range.value)}`, to, (signal) => api.rates({ from, to, points: 200, by: 'none' }, signal));
  const conns = useMemo(() => (rates.data && !isBare(rates.data) ? align(rates.data, 3, known(rates.data.from)) : null), [rates.data]);
  if (!conns) return null;
  return (
    <Panel title={t.flows.volume} loading={rates.loading} wide>
      <Chart
        label={t.flows.volume}
        times={conns.times}
        from={from}
        to={to}
        height={84}
        format={(v) => rate(v, '/s')}
        series={conns.series.map((s) => ({ label: t.hosts.conns, values: s.values, color: '--internal', fill: true }))}
      />
    </Panel>
  );
}

