// What the traffic is about.

import { useMemo } from 'preact/hooks';
import { api, type Rates, type Top, type TopKind } from '../api';
import { Chart, type Series } from '../components/Chart';
import { NameLink } from '../components/Named';
import { Panel } from '../components/Panel';
import { Ranked } from '../components/Ranked';
import { Empty, Scope, Shown, SoFar } from '../components/States';
import { words } from '../i18n';
import { bits, bytes, count } from '../lib/format';
import { useResource, type Resource } from '../lib/resource';
import { align, isBare } from '../lib/series';
import { known } from '../lib/session';
import { queries } from '../lib/turns';
import { currentBounds, range } from '../lib/url';

const COLORS = 8;

export function ApplicationsPage() {
  const t = words.value.applications;
  const rates = useRates();
  const app = useTop('app', 25);
  const service = useTop('service', 25);
  const port = useTop('port', 15);
  const proto = useTop('proto', 8);
  const state = useTop('conn_state', 13);
  return (
    <div class="page">
      <SoFar of={[app, service, port, proto, state]} />
      {app.data?.from === 'live' ? <Scope of={app.data} /> : null}
      <OverTime of={rates} />
      <div class="grid two">
        <List title={t.byApp} kind="app" of={app} />
        <List title={t.byService} kind="service" of={service} />
        <List title={t.byPort} kind="port" of={port} />
        <div class="stackup">
          <List title={t.byProto} kind="proto" of={proto} />
          <List title={t.byState} kind="conn_state" of={state} />
        </div>
      </div>
    </div>
  );
}

function useTop(kind: TopKind, limit: number): Resource<Top> {
  const { from, to } = currentBounds.value;
  return useResource(`${kind} ${JSON.stringify(range.value)}`, to, (signal) => queries.take(signal, () => api.top({ from, to, kind, limit }, signal)));
}

function useRates(): Resource<Rates> {
  const { from, to } = currentBounds.value;
  return useResource(`by service ${JSON.stringify(range.value)}`, to, (signal) =>
    queries.take(signal, () => api.rates({ from, to, points: 200, by: 'service' }, signal)),
  );
}

function OverTime({ of: rates }: { of: Resource<Rates> }) {
  const t = words.value.applications;
  const { from, to } = currentBounds.value;
  const drawn = useMemo(() => {
    if (!rates.data || isBare(rates.data)) return null;
    const { times, series } = align(rates.data, 1, known(rates.data.from));
    const sum = (values: number[]): number => values.reduce((all, value) => all + value, 0);
    const greatest = [...series].sort((a, b) => sum(b.values) - sum(a.values)).slice(0, COLORS);
    return { times, series: greatest.map((s, i): Series => ({ label: s.name === '' ? '–' : s.name, values: s.values, color: `--series-${i + 1}`, fill: true })) };
  }, [rates.data]);
  return (
    <Panel title={t.overTime} hint={t.overTimeHint} loading={rates.loading} wide>
      <Shown of={rates} lines={8}>
        {() =>
          drawn ? (
            <Chart label={t.overTime} times={drawn.times} from={from} to={to} series={drawn.series} format={bits} stacked height={240} />
          ) : (
            <Empty title={words.value.state.nothing} hint={words.value.state.nothingHint} />
          )
        }
      </Shown>
    </Panel>
  );
}

function List({ title, kind, of }: { title: string; kind: TopKind; of: Resource<Top> }) {
  const t = words.value.hosts;
  return (
    <Panel title={title} loading={of.loading} flush>
      <Shown of={of}>
        {(data) => (
          <>
            {data.from === 'store' ? <Scope of={data} /> : null}
            <Ranked
              label={title}
              heads={[title, t.received, t.sent, t.conns]}
              rows={data.rows.map((row) => ({
                key: row.name,
                name: <NameLink kind={kind} name={row.name} />,
                detail: row.detail ?? (kind === 'conn_state' ? words.value.flow.states[row.name] : null),
                parts: [row.received, row.sent],
                amounts: [bytes(row.received), bytes(row.sent), { value: count(row.conns), unit: '' }],
              }))}
            />
          </>
        )}
      </Shown>
    </Panel>
  );
}
