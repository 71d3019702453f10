// Addresses: the greatest of the range, and one page for each.

import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { api, type Cell, type Host, type LogRecord } from '../api';
import { Amount } from '../components/Amount';
import { Chart } from '../components/Chart';
import { DataTable } from '../components/DataTable';
import { Icon } from '../components/icons';
import { NameLink } from '../components/Named';
import { Panel } from '../components/Panel';
import { Ranked } from '../components/Ranked';
import { Empty, Scope, Shown } from '../components/States';
import { words } from '../i18n';
import { bits, bytes, count, when, type Quantity } from '../lib/format';
import { term } from '../lib/filter';
import { useResource } from '../lib/resource';
import { stepsOf } from '../lib/series';
import { known } from '../lib/session';
import { currentBounds, go, href, place, range } from '../lib/url';

export function HostsPage() {
  const { address } = place.value;
  return (
    <div class="page">
      <Find key={address} current={address} />
      {address === null ? <Top /> : <OneHost key={address} address={address} />}
    </div>
  );
}

function Find({ current }: { current: string | null }) {
  const t = words.value.hosts;
  const address = useSignal(current ?? '');
  const submit = (event: Event): void => {
    event.preventDefault();
    const wanted = address.value.trim();
    if (wanted !== '') go(href('hosts', { address: wanted }));
  };
  return (
    <form class="find" onSubmit={submit}>
      <div class="filter-field">
        <Icon name="search" />
        <input class="filter-input" data-search aria-label={t.find} placeholder={t.placeholder} value={address.value} spellcheck={false} onInput={(e) => (address.value = e.currentTarget.value)} />
        <kbd class="filter-key">/</kbd>
      </div>
      <button type="submit" class="button">
        {t.open}
      </button>
    </form>
  );
}

function Top() {
  const t = words.value.hosts;
  const { from, to } = currentBounds.value;
  const top = useResource(`hosts ${JSON.stringify(range.value)}`, to, (signal) => api.top({ from, to, kind: 'host', limit: 100 }, signal));
  return (
    <Panel title={t.top} hint={t.topHint} loading={top.loading} flush wide>
      <Shown of={top} lines={14} isEmpty={(data) => data.rows.length === 0}>
        {(data) => (
          <>
            <Scope of={data} />
            <Ranked
              label={t.top}
              heads={[t.address, t.received, t.sent, t.packets, t.conns]}
              rows={data.rows.map((row) => ({
                key: row.name,
                name: <NameLink kind="host" name={row.name} />,
                detail: row.detail,
                parts: [row.received, row.sent],
                amounts: [bytes(row.received), bytes(row.sent), number(row.packets), number(row.conns)],
              }))}
            />
          </>
        )}
      </Shown>
    </Panel>
  );
}

const number = (value: number): Quantity => ({ value: count(value), unit: '' });

function OneHost({ address }: { address: string }) {
  const { from, to } = currentBounds.value;
  const host = useResource(`${address} ${JSON.stringify(range.value)}`, to, (signal) => api.host(address, { from, to }, signal));
  return (
    <>
      <h2 class="host-title mono">{address}</h2>
      <Shown of={host} lines={14}>
        {(data) => <Body host={data} loading={host.loading} from={from} to={to} />}
      </Shown>
    </>
  );
}

function Body({ host, loading, from, to }: { host: Host; loading: boolean; from: number; to: number }) {
  const t = words.value.hosts;
  const now = Date.now();
  const drawn = useMemo(() => {
    const { history, step_ms: step } = host;
    const { times, values } = stepsOf(history.map(([ts]) => ts), step, host.asked, known(host.from));
    const perSecond = (bytes: number): number => (bytes * 8 * 1000) / step;
    return { times, received: values(history.map(([ts, , received]) => [ts, perSecond(received)])), sent: values(history.map(([ts, sent]) => [ts, perSecond(sent)])) };
  }, [host]);
  const flows = href('flows', { filter: term('host', host.address) });
  const facts: [string, string][] = [
    [t.names, host.names.length === 0 ? t.noNames : host.names.join(', ')],
    [t.firstSeen, host.first_seen === null ? '–' : when(host.first_seen, now)],
    [t.lastSeen, host.last_seen === null ? '–' : when(host.last_seen, now)],
    ...(host.geo ? ([[t.place, [host.geo.country, host.geo.asn ? `AS${host.geo.asn}` : null, host.geo.as_org].filter(Boolean).join(' · ') || '–']] satisfies [string, string][]) : []),
  ];
  return (
    <>
      <Scope of={host} />
      <dl class="figures">
        {(
          [
            [t.received, bytes(host.totals.received)],
            [t.sent, bytes(host.totals.sent)],
            [t.packets, number(host.totals.packets)],
            [t.conns, number(host.totals.conns)],
          ] satisfies [string, Quantity][]
        ).map(([name, amount]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Amount of={amount} />
            </dd>
          </div>
        ))}
        {facts.map(([name, value]) => (
          <div key={name} class="fact">
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
      <p>
        <a href={flows}>{t.allFlows}</a>
      </p>
      <Panel title={t.traffic} hint={t.trafficHint} loading={loading} wide>
        {host.history.length === 0 ? (
          <Empty title={t.empty} hint={words.value.state.nothingHint} />
        ) : (
          <Chart
            label={t.traffic}
            times={drawn.times}
            from={from}
            to={to}
            format={bits}
            series={[
              { label: t.received, values: drawn.received, color: '--in', fill: true },
              { label: t.sent, values: drawn.sent, color: '--out', fill: true, mirrored: true },
            ]}
          />
        )}
      </Panel>
      <div class="grid two">
        <Panel title={t.peers} flush>
          <Ranked
            label={t.peers}
            heads={[t.address, t.received, t.sent]}
            rows={host.peers.map((row) => ({
              key: row.name,
              name: <NameLink kind="host" name={row.name} />,
              detail: row.detail,
              parts: [row.received, row.sent],
              amounts: [bytes(row.received), bytes(row.sent)],
            }))}
          />
        </Panel>
        <Panel title={t.services} flush>
          <Records label={t.services} of={host.services} />
        </Panel>
        {host.software.length > 0 ? (
          <Panel title={t.software} flush>
            <Records label={t.software} of={host.software} />
          </Panel>
        ) : null}
        {host.dhcp.length > 0 ? (
          <Panel title={t.dhcp} flush>
            <Records label={t.dhcp} of={host.dhcp} />
          </Panel>
        ) : null}
      </div>
    </>
  );
}

const FIRST = ['service', 'name', 'proto', 'port', 'conns'];

/** Records as a table: the columns that any of them has. */
function Records({ label, of }: { label: string; of: LogRecord[] }) {
  const seen = new Set(of.flatMap((record) => Object.keys(record).filter((name) => record[name] !== null && name !== 'sensor')));
  const names = [...FIRST.filter((name) => seen.has(name)), ...[...seen].filter((name) => !FIRST.includes(name))];
  const rows: Cell[][] = of.map((record) => names.map((name) => record[name] ?? null));
  return <DataTable label={label} columns={names.map((name) => ({ name, kind: '' }))} rows={rows} brief={20} />;
}
