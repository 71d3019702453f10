// What the network does now: rates and bursts by the second, the greatest of each kind.

import { useEffect, useMemo } from 'preact/hooks';
import { api, type Second, type Talker, type Top, type TopKind } from '../api';
import { Amount } from '../components/Amount';
import { Chart } from '../components/Chart';
import { NameLink } from '../components/Named';
import { Panel } from '../components/Panel';
import { Ranked, type RankedRow } from '../components/Ranked';
import { Empty, Scope, Shown, Skeleton } from '../components/States';
import { words } from '../i18n';
import { bits, bytes, count, digits, rate, type Quantity } from '../lib/format';
import { connection, fill, seconds, view } from '../lib/live';
import { useResource, type Resource } from '../lib/resource';
import { align, column, isBare, thin, withGaps } from '../lib/series';
import { known } from '../lib/session';
import { change, currentBounds, now, place, range } from '../lib/url';

const LIVE_MS = 3_600_000;
const SHORTEST_MS = 60_000;
const MOST_POINTS = 900;

export function NowPage() {
  const { from, to } = currentBounds.value;
  const current = range.value;
  const past = connection.value === 'history';
  const bySecond = !past && (current.kind === 'last' ? current.ms <= LIVE_MS : from >= Date.now() - LIVE_MS);
  return (
    <div class="page">
      {past ? null : <Figures />}
      {bySecond ? <SecondCharts from={from} to={to} /> : <RateCharts from={from} to={to} />}
      <Lists live={!past && current.kind === 'last'} />
    </div>
  );
}

function Figures() {
  const t = words.value.now;
  const current = view.value;
  if (!current) return <Skeleton lines={2} />;
  const s = current.second;
  const directed = s.in_bits + s.out_bits > 0 || current.local_nets === 'configured';
  const figures: [string, Quantity, string | null][] = [
    ...(directed
      ? ([
          [t.in, bits(s.in_bits), null],
          [t.out, bits(s.out_bits), null],
        ] satisfies [string, Quantity, null][])
      : ([[t.total, bits(s.bits), null]] satisfies [string, Quantity, null][])),
    [t.peak, bits(s.peak_bits), s.bits > 0 && s.peak_bits > 0 ? t.ratio(digits(s.peak_bits / s.bits)) : null],
    [t.packetRate, rate(s.packets, 'pps'), null],
    [t.open, { value: count(s.flows_active), unit: '' }, null],
    [t.opened, rate(s.flows_opened, '/s'), null],
  ];
  return (
    <dl class="figures" data-stale={connection.value !== 'live'}>
      {figures.map(([name, amount, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Amount of={amount} />
            {note === null ? null : <span class="hint">{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function SecondCharts({ from, to }: { from: number; to: number }) {
  const t = words.value.now;
  const all = seconds.value;
  const last = all[all.length - 1];
  // A range that moves on ends with the newest second.
  const relative = range.value.kind === 'last';
  const end = relative && last ? Math.max(last.ts, now.value - 2000) : to;
  // Of a run that has just begun, what there is, rather than a wide chart with nothing in it.
  const begin = relative ? Math.max(end - (to - from), Math.min(all[0]?.ts ?? 0, end - SHORTEST_MS)) : from;

  useEffect(() => {
    const abort = new AbortController();
    fill(from, abort.signal).catch(() => {});
    return () => abort.abort();
  }, [Math.floor(from / 60_000)]);

  const { points, step } = useMemo(() => thin(all.filter((s) => s.ts >= begin && s.ts <= end), MOST_POINTS), [all, begin, end]);
  if (all.length === 0) return <Skeleton lines={8} />;
  return <Charts points={points} step={step} from={begin} to={end} directed={view.value?.local_nets === 'configured' || points.some((s) => s.in_bits + s.out_bits > 0)} t={t} />;
}

interface ChartsProps {
  points: Second[];
  step: number;
  from: number;
  to: number;
  directed: boolean;
  t: typeof words.value.now;
}

function Charts({ points, step, from, to, directed, t }: ChartsProps) {
  const drawn = useMemo(() => withGaps(points, step), [points, step]);
  const times = useMemo(() => drawn.map((p) => p.ts), [drawn]);
  const of = (name: keyof Second): (number | null)[] => column(drawn, name);
  const some = (name: keyof Second): boolean => points.some((p) => (p[name] ?? 0) > 0);
  const traffic = directed
    ? [
        { label: t.in, values: of('in_bits'), color: '--in', fill: true },
        { label: t.out, values: of('out_bits'), color: '--out', fill: true, mirrored: true },
        ...(some('internal_bits') ? [{ label: t.internal, values: of('internal_bits'), color: '--internal' }] : []),
        ...(some('other_bits') ? [{ label: t.other, values: of('other_bits'), color: '--other' }] : []),
      ]
    : [{ label: t.total, values: of('bits'), color: '--in', fill: true }];
  const shared = { times, from, to };
  return (
    <>
      <Panel title={t.traffic} hint={directed ? t.trafficHint : t.trafficAll} wide aside={directed && view.value?.local_nets === 'private' ? <span class="hint">{t.privateNets}</span> : undefined}>
        <Chart label={t.traffic} {...shared} series={traffic} format={bits} height={250} />
      </Panel>
      <div class="grid three">
        <Panel title={t.bursts} hint={t.burstsHint}>
          <Chart
            label={t.bursts}
            {...shared}
            height={170}
            format={bits}
            series={[
              { label: t.peak, values: of('peak_bits'), color: '--peak', fill: true, thin: true },
              { label: t.mean, values: of('bits'), color: '--in', fill: true },
            ]}
          />
        </Panel>
        <Panel title={t.packets} hint={t.packetsHint}>
          <Chart
            label={t.packets}
            {...shared}
            height={170}
            format={(v) => rate(v, 'pps')}
            series={[
              { label: t.peak, values: of('peak_packets'), color: '--peak', fill: true, thin: true },
              { label: t.mean, values: of('packets'), color: '--in', fill: true },
              ...(some('lost') ? [{ label: t.lost, values: of('lost'), color: '--bad' }] : []),
            ]}
          />
        </Panel>
        <Panel title={t.flows} hint={t.flowsHint}>
          <Chart
            label={t.flows}
            {...shared}
            height={170}
            format={(v) => rate(v, '')}
            series={[
              { label: t.open, values: of('flows_active'), color: '--internal', fill: true },
              { label: t.opened, values: of('flows_opened'), color: '--out', thin: true },
            ]}
          />
        </Panel>
      </div>
    </>
  );
}

/** Further back than seconds are kept: from the roll-ups. */
function RateCharts({ from, to }: { from: number; to: number }) {
  const t = words.value.now;
  const rates = useResource(`rates ${from - to} ${range.value.kind === 'fixed' ? from : ''}`, to, (signal) => api.rates({ from, to, points: 400, by: 'none' }, signal));
  return (
    <Shown of={rates} lines={10} isEmpty={isBare}>
      {(data) => {
        const load = align(data, 1, known(data.from));
        const packets = align(data, 2, known(data.from));
        return (
          <>
            <Panel title={t.traffic} hint={t.trafficAll} wide loading={rates.loading}>
              <Chart label={t.traffic} times={load.times} from={from} to={to} format={bits} height={250} series={load.series.map((s) => ({ label: t.total, values: s.values, color: '--in', fill: true }))} />
            </Panel>
            <Panel title={t.packets} wide loading={rates.loading}>
              <Chart
                label={t.packets}
                times={packets.times}
                from={from}
                to={to}
                format={(v) => rate(v, 'pps')}
                height={150}
                series={packets.series.map((s) => ({ label: t.packetRate, values: s.values, color: '--internal', fill: true }))}
              />
            </Panel>
          </>
        );
      }}
    </Shown>
  );
}

const LISTS = [
  { key: 'hosts', kind: 'host' },
  { key: 'services', kind: 'service' },
  { key: 'applications', kind: 'app' },
  { key: 'conversations', kind: 'conversation' },
  { key: 'countries', kind: 'country' },
] as const satisfies readonly { key: string; kind: TopKind }[];

const ROWS = 10;

function Lists({ live }: { live: boolean }) {
  const t = words.value.now;
  const whole = !live || place.value.params.get('lists') === 'range';
  const { from, to } = currentBounds.value;
  const tops = LISTS.map(({ kind }) =>
    useResource(whole ? `${kind} ${to - from} ${range.value.kind === 'fixed' ? from : ''}` : null, to, (signal) => api.top({ from, to, kind, limit: ROWS }, signal)),
  );
  // Of what the run itself remembers it is the same for all lists.
  const scope = tops[0]?.data;
  return (
    <>
      <div class="toolbar">
        {live ? (
          <div class="segments" role="group" aria-label={t.scope}>
            <button type="button" aria-pressed={!whole} onClick={() => change({ lists: null }, 'replace')}>
              {t.live}
            </button>
            <button type="button" aria-pressed={whole} onClick={() => change({ lists: 'range' }, 'replace')}>
              {t.wholeRange}
            </button>
          </div>
        ) : null}
      </div>
      {scope?.from === 'live' ? <Scope of={scope} /> : null}
      <div class="grid lists">
        {LISTS.map(({ key, kind }, i) => {
          const top = tops[i];
          return whole && top ? <RangeList key={key} title={t[key]} kind={kind} of={key} top={top} /> : <LiveList key={key} title={t[key]} kind={kind} of={key} />;
        })}
      </div>
    </>
  );
}

function LiveList({ title, kind, of }: { title: string; kind: TopKind; of: (typeof LISTS)[number]['key'] }) {
  const t = words.value.now;
  const rows = view.value?.top[of];
  const minute = of === 'applications' || of === 'countries';
  return (
    <Panel title={title} hint={minute ? t.minute : t.tenSeconds} className={of} flush>
      {rows === undefined ? (
        <Skeleton />
      ) : rows.length === 0 && of === 'countries' ? (
        <Empty title={words.value.state.nothing} hint={t.noCountries} />
      ) : (
        <Ranked label={title} heads={[title, t.in, t.out]} rows={rows.slice(0, ROWS).map((row) => liveRow(kind, row))} hint={words.value.state.quietHint} />
      )}
    </Panel>
  );
}

function liveRow(kind: TopKind, row: Talker): RankedRow {
  return {
    key: row.name,
    name: <NameLink kind={kind} name={row.name} ends={row.ends} />,
    detail: row.detail,
    parts: [row.in_bits, row.out_bits],
    amounts: [bits(row.in_bits), bits(row.out_bits)],
  };
}

function RangeList({ title, kind, of, top }: { title: string; kind: TopKind; of: string; top: Resource<Top> }) {
  const t = words.value;
  return (
    <Panel title={title} hint={t.now.wholeRange} loading={top.loading} className={of} flush>
      <Shown of={top}>
        {(data) => (
          <>
            {data.from === 'store' ? <Scope of={data} /> : null}
            <Ranked
              label={title}
              heads={[title, t.hosts.received, t.hosts.sent]}
              rows={data.rows.map((row) => ({
                key: row.name,
                name: <NameLink kind={kind} name={row.name} />,
                detail: row.detail,
                parts: [row.received, row.sent],
                amounts: [bytes(row.received), bytes(row.sent)],
              }))}
            />
          </>
        )}
      </Shown>
    </Panel>
  );
}
