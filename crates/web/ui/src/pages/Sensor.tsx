// The monitor itself: what its workers do with their time, what it stands on, where every packet went.

import type { ComponentChildren } from 'preact';
import type { View, Worker } from '../api';
import { Amount } from '../components/Amount';
import { Panel } from '../components/Panel';
import { Empty, Skeleton } from '../components/States';
import { words } from '../i18n';
import { isDown } from '../lib/alerts';
import { bits, bytes, count, digits, percent, rate, span, text, when } from '../lib/format';
import { accounts, losses, verdict } from '../lib/ledger';
import { connection, view } from '../lib/live';
import { status } from '../lib/session';

export function SensorPage() {
  const current = view.value;
  if (connection.value === 'history') return <Empty title={words.value.state.noRun} hint={words.value.state.noRunHint} />;
  if (!current) return <Skeleton lines={16} />;
  return (
    <div class="page">
      <Workers of={current.workers} />
      <div class="grid two">
        <LedgerPanel of={current} />
        <div class="stackup">
          <About of={current} />
          <Drops of={current} />
          <Sources of={current} />
        </div>
      </div>
      <Memory of={current} />
      <Outputs of={current} />
    </div>
  );
}

interface Columns {
  name: string;
  right?: boolean;
  hint?: string;
}

function Grid({ label, columns, children }: { label: string; columns: Columns[]; children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      <table class="data">
        <thead>
          <tr>
            {columns.map(({ name, right, hint }) => (
              <th key={name} scope="col" class={right ? 'right' : ''} title={hint}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function Workers({ of }: { of: Worker[] }) {
  const t = words.value.sensor;
  const total = of.reduce((sum, worker) => sum + worker.packets, 0);
  const most = of.reduce((high, worker) => Math.max(high, worker.packets), 0);
  const balance = of.length > 1 && total > 0 ? most / (total / of.length) : 1;
  const columns = [
    { name: t.worker },
    { name: t.core },
    { name: t.mode },
    { name: t.time },
    { name: t.packets, right: true },
    { name: t.share, right: true },
    { name: t.flows, right: true },
    { name: t.wakes, right: true },
    { name: t.latency, right: true },
    { name: t.inLine, right: true },
    { name: t.away, right: true, hint: t.awayHint },
  ];
  return (
    <Panel
      title={t.workers}
      hint={of.length > 1 ? `${t.balance}: ${balance < 1.05 ? t.even : `${digits(balance)} ×`} (${t.balanceHint})` : undefined}
      aside={
        <span class="legend">
          <span class="legend-item">
            <i class="swatch busy" /> {t.busy}
          </span>
          <span class="legend-item">
            <i class="swatch idle" /> {t.idle}
          </span>
          <span class="legend-item">
            <i class="swatch sleep" /> {t.sleep}
          </span>
        </span>
      }
      flush
      wide
    >
      <Grid label={t.workers} columns={columns}>
        {of.map((worker) => (
          <tr key={worker.name}>
            <td>{worker.name}</td>
            <td class="num">
              {worker.cpu} <span class="hint">{worker.pinned ? t.pinned : t.shared}</span>
            </td>
            <td>{worker.mode}</td>
            <td class="time-cell">
              <Shares worker={worker} />
            </td>
            <td class="right">
              <Amount of={rate(worker.packets, 'pps')} />
            </td>
            <td class="right num">{percent(total === 0 ? 0 : worker.packets / total)}</td>
            <td class="right num">{count(worker.flows)}</td>
            <td class="right">
              <Amount of={rate(worker.wakes, '/s')} />
            </td>
            <td class="right num">{worker.latency_us === null ? '–' : text(span(worker.latency_us * 1000))}</td>
            <td class={`right num${worker.in_line >= 0.01 ? ' warn' : ''}`}>{percent(worker.in_line)}</td>
            <td class={`right num${worker.away_now > 0 ? ' warn' : ''}`} title={t.awayHint}>
              {count(worker.away)}
              {worker.away > 0 && <span class="hint"> {text(span(worker.away_longest_us * 1000))}</span>}
            </td>
          </tr>
        ))}
      </Grid>
    </Panel>
  );
}

function Shares({ worker: { busy, idle, sleep } }: { worker: Worker }) {
  const t = words.value.sensor;
  const label = `${t.busy} ${percent(busy)}, ${t.idle} ${percent(idle)}, ${t.sleep} ${percent(sleep)}`;
  return (
    <span class="shares-row">
      <span class="shares" role="img" aria-label={label} title={label}>
        <i class="busy" style={{ width: `${busy * 100}%` }} />
        <i class="idle" style={{ width: `${idle * 100}%` }} />
        <i class="sleep" style={{ width: `${sleep * 100}%` }} />
      </span>
      <span class="num share-busy">{percent(busy)}</span>
    </span>
  );
}

function LedgerPanel({ of }: { of: View }) {
  const t = words.value.ledger;
  return (
    <Panel title={words.value.sensor.ledger} flush>
      <table class="data ledger-table" aria-label={t.title}>
        <tbody>
          {accounts(of.ledger, of.outputs, t).map((account, i) => {
            const wrong = (account.loss === true || account.fault === true) && (account.count ?? 0) !== 0;
            return (
              <tr key={i} class={`depth-${account.depth}${wrong ? ' wrong' : ''}`}>
                <th scope="row">{account.name}</th>
                <td class="right num">{account.count === null ? <span class="none" title={t.unknownHint}>{t.unknown}</span> : count(account.count)}</td>
              </tr>
            );
          })}
        </tbody>
        <tfoot>
          <tr class={verdict(of, connection.value)}>
            <th scope="row">{of.balanced ? t.balanced : t.unbalanced}</th>
            <td class="right num">
              {losses(of, t).map((lost) => (
                <span key={lost}>{lost} </span>
              ))}
            </td>
          </tr>
        </tfoot>
      </table>
    </Panel>
  );
}

/** Frames that were delivered and are in no flow. */
function Drops({ of }: { of: View }) {
  const t = words.value;
  const frames = of.ledger.frames;
  const list: [string, number][] = [
    ...frames.undecodable_by.map(({ name, count: n }): [string, number] => [`${t.ledger.undecodable}: ${name}`, n]),
    ...frames.not_ip_by.map(({ name, count: n }): [string, number] => [`${t.ledger.notIp}: ${name}`, n]),
    [t.ledger.filtered, frames.filtered],
    [t.ledger.handOverFull, frames.hand_over_full],
    [t.ledger.refused, of.ledger.flows.refused],
  ];
  const seen = list.filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  return (
    <Panel title={t.sensor.drops} flush>
      {seen.length === 0 ? (
        <Empty title={t.sensor.noDrops} />
      ) : (
        <table class="data" aria-label={t.sensor.drops}>
          <tbody>
            {seen.map(([name, n]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="right num">{count(n)}</td>
                <td class="right num hint">{percent(frames.delivered === 0 ? 0 : n / frames.delivered)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Sources({ of }: { of: View }) {
  const t = words.value.sensor;
  return (
    <Panel title={t.sources} flush>
      <Grid label={t.sources} columns={[{ name: t.source }, { name: t.bits, right: true }, { name: t.packets, right: true }, { name: t.lost, right: true }]}>
        {of.sources.map((source) => (
          <tr key={source.name}>
            <td>
              {source.name} {isDown(of.alerts, source.name) ? <span class="tag alarm">{t.noCarrier}</span> : null}
            </td>
            <td class="right">
              <Amount of={bits(source.bits)} />
            </td>
            <td class="right">
              <Amount of={rate(source.packets, 'pps')} />
            </td>
            <td class={`right num${source.lost ? ' warn' : ''}`}>{source.lost === null ? <span class="none">{words.value.ledger.unknown}</span> : text(rate(source.lost, 'pps'))}</td>
          </tr>
        ))}
      </Grid>
    </Panel>
  );
}

function About({ of }: { of: View }) {
  const t = words.value.sensor;
  const about = status.value;
  if (!about) return null;
  const now = Date.now();
  const { store } = about;
  const applications = of.ledger.applications;
  const facts: [string, string][] = [
    [t.sensor, about.sensor],
    [t.version, about.version],
    [t.up, text(span(of.uptime_ms * 1e6))],
    [t.nets, about.local_nets.length === 0 ? t.netsPrivate : about.local_nets.join(', ')],
    [t.store, store === null ? t.storeNone : `${store.path} · ${text(bytes(store.bytes))}`],
    ...(store && store.oldest !== null && store.newest !== null ? ([['', t.storeSpan(when(store.oldest, now), when(store.newest, now))]] satisfies [string, string][]) : []),
    [t.applications, `${t.opened} ${count(applications.opened)} · ${t.recognised} ${count(applications.recognised)}`],
    ...(applications.refused + applications.shed + applications.given_up > 0
      ? ([[t.notLooked, count(applications.refused + applications.shed + applications.given_up)]] satisfies [string, string][])
      : []),
  ];
  return (
    <Panel title={t.about}>
      <dl class="pairs">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

function Memory({ of }: { of: View }) {
  const t = words.value.sensor;
  const room = of.flow_memory.capacity;
  const open = of.ledger.flows.active;
  return (
    <Panel title={t.memory} flush wide>
      <Grid label={t.memory} columns={[{ name: t.area }, { name: t.size, right: true }, { name: t.pages }, { name: t.node }, { name: '' }]}>
        {of.memory.map((area) => (
          <tr key={`${area.name} ${area.pages} ${area.node}`}>
            <td>{area.name}</td>
            <td class="right">
              <Amount of={bytes(area.bytes)} />
            </td>
            <td>{area.pages}</td>
            <td class="num">{area.node ?? t.anyNode}</td>
            <td class="warn wrap">{area.missing}</td>
          </tr>
        ))}
        <tr>
          <td>{t.flowTable}</td>
          <td class="right">
            <Amount of={bytes(of.flow_memory.bytes)} />
          </td>
          <td colSpan={3}>
            <span class="shares-row">
              <span class="shares" role="img" aria-label={t.flowTableUse(count(open), count(room))}>
                <i class="busy" style={{ width: `${room === 0 ? 0 : Math.min(100, (open / room) * 100)}%` }} />
              </span>
              <span class="num hint">{t.flowTableUse(count(open), count(room))}</span>
            </span>
          </td>
        </tr>
        <tr>
          <td>{t.applicationBudget}</td>
          <td class="right">
            <Amount of={bytes(of.flow_memory.application_bytes)} />
          </td>
          <td colSpan={3} />
        </tr>
      </Grid>
    </Panel>
  );
}

function Outputs({ of }: { of: View }) {
  const t = words.value.sensor;
  if (of.outputs.length === 0) return null;
  const columns = [{ name: t.output }, { name: t.state }, { name: t.written, right: true }, { name: t.bytes, right: true }, { name: t.dropped, right: true }, { name: t.errors, right: true }, { name: '' }];
  return (
    <Panel title={t.outputs} flush wide>
      <Grid label={t.outputs} columns={columns}>
        {of.outputs.map((output) => (
          <tr key={output.name}>
            <td>{output.name}</td>
            <td>
              <span class={`tag ${output.state}`}>{t.states[output.state] ?? output.state}</span>
            </td>
            <td class="right num">{count(output.written)}</td>
            <td class="right">
              <Amount of={bytes(output.bytes)} />
            </td>
            <td class={`right num${output.dropped > 0 ? ' warn' : ''}`}>{count(output.dropped)}</td>
            <td class={`right num${output.errors > 0 ? ' warn' : ''}`}>{count(output.errors)}</td>
            <td class="wrap">{output.last_error}</td>
          </tr>
        ))}
      </Grid>
    </Panel>
  );
}
