// One conversation: both ends, how it went, TCP health, the application records that belong to it.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { api, type Cell, type Flow, type LogRecord } from '../api';
import { words } from '../i18n';
import { lookOf, plain } from '../lib/fields';
import { bytes, count, span, text, type Quantity } from '../lib/format';
import { term } from '../lib/filter';
import { useResource } from '../lib/resource';
import { href } from '../lib/url';
import { Icon } from './icons';
import { Empty, Shown } from './States';
import { Field } from './Value';

interface Props {
  uid: string;
  ts: number | null;
  close: () => void;
}

export function FlowDrawer({ uid, ts, close }: Props) {
  const t = words.value.flow;
  const flow = useResource(uid, 0, (signal) => api.flow(uid, ts, signal));
  const box = useRef<HTMLElement>(null);

  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus();
    const escape = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented) close();
    };
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('keydown', escape);
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  return (
    <aside class="drawer" ref={box} tabIndex={-1} aria-label={t.title}>
      <header class="drawer-head">
        <h2>{t.title}</h2>
        <code class="mono">{uid}</code>
        <div class="spring" />
        {flow.data ? <Copy of={flow.data} /> : null}
        <button type="button" class="button icon-only quiet" aria-label={t.close} title={`${t.close} Esc`} onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <div class={`progress${flow.loading ? ' on' : ''}`} />
      <div class="drawer-body">
        <Shown of={flow} lines={12} isEmpty={() => false}>
          {(data) => <Body flow={data} />}
        </Shown>
      </div>
    </aside>
  );
}

function Copy({ of }: { of: Flow }) {
  const t = words.value.flow;
  const done = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(JSON.stringify(of, null, 2));
    done.value = true;
  };
  // Only a secure context has a clipboard.
  if (!('clipboard' in navigator)) return null;
  return (
    <button type="button" class="button quiet" onClick={() => void copy().catch(() => {})}>
      {done.value ? t.copied : t.copy}
    </button>
  );
}

function Body({ flow }: { flow: Flow }) {
  const t = words.value.flow;
  const conn = flow.conn ?? flow.updates[flow.updates.length - 1] ?? null;
  if (!conn) return <Empty title={t.gone} />;
  return (
    <>
      <Ends conn={conn} open={flow.open} />
      {conn['proto'] === 'tcp' ? <Health conn={conn} /> : null}
      <h3>{t.records}</h3>
      {flow.records.length === 0 ? <p class="hint">{t.noRecords}</p> : flow.records.map((record, i) => <Record key={i} record={record} />)}
      {flow.updates.length > 0 ? (
        <details>
          <summary>
            {t.updates} <span class="num">({flow.updates.length})</span>
          </summary>
          {flow.updates.map((update, i) => (
            <Pairs key={i} of={update} only={['ts', 'duration', 'orig_pkts', 'resp_pkts', 'orig_ip_bytes', 'resp_ip_bytes']} />
          ))}
        </details>
      ) : null}
      <details>
        <summary>{t.all}</summary>
        <Pairs of={conn} />
      </details>
    </>
  );
}

function Ends({ conn, open }: { conn: LogRecord; open: boolean }) {
  const t = words.value.flow;
  const state = String(conn['conn_state'] ?? '');
  const orig = String(conn['id.orig_h'] ?? '');
  const resp = String(conn['id.resp_h'] ?? '');
  const side = (name: 'orig' | 'resp'): [string, Cell | undefined, string][] => [
    [t.packets, conn[`${name}_pkts`], `${name}_pkts`],
    [t.bytes, conn[`${name}_ip_bytes`], `${name}_ip_bytes`],
    [t.payload, conn[`${name}_bytes`], `${name}_bytes`],
  ];
  const end = (name: 'orig' | 'resp', role: string) => (
    <div class="end">
      <p class="hint">{role}</p>
      <p class="end-address">
        <a href={href('hosts', { address: String(conn[`id.${name}_h`] ?? '') })}>{String(conn[`id.${name}_h`] ?? '')}</a>
        <span class="num">:{String(conn[`id.${name}_p`] ?? '')}</span>
      </p>
      <p class="hint">{[conn[`${name}_name`], conn[`${name}_cc`], conn[`${name}_as_org`]].filter((part) => part !== null && part !== undefined).join(' · ')}</p>
      <dl class="pairs">
        {side(name).map(([label, value, field]) => (
          <div key={field}>
            <dt>{label}</dt>
            <dd>
              <Field name={field} value={value} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
  return (
    <>
      <p class="flow-line">
        <Field name="ts" value={conn['ts']} link /> <b>{String(conn['proto'] ?? '')}</b> <b>{String(conn['service'] ?? '')}</b> {conn['app'] ? <span class="tag">{String(conn['app'])}</span> : null}{' '}
        {open ? <span class="tag ok">{words.value.flows.running}</span> : null}
      </p>
      <div class="ends">
        {end('orig', t.originator)}
        {end('resp', t.responder)}
      </div>
      <dl class="pairs">
        <div>
          <dt>{t.duration}</dt>
          <dd>
            <Field name="duration" value={conn['duration']} />
          </dd>
        </div>
        <div>
          <dt>{t.state}</dt>
          <dd>
            <b>{state}</b> {t.states[state] ?? ''}
          </dd>
        </div>
        <div>
          <dt>{t.history}</dt>
          <dd class="mono">{plain('history', conn['history'] ?? null)}</dd>
        </div>
      </dl>
      <p>
        <a href={href('flows', { filter: `${term('host', orig)} ${term('host', resp)}` })}>{t.related}</a>
      </p>
    </>
  );
}

function Health({ conn }: { conn: LogRecord }) {
  const t = words.value.flow;
  const number = (name: string): number => (typeof conn[name] === 'number' ? conn[name] : 0);
  const known = (name: string, show: (value: number) => Quantity): string => (typeof conn[name] === 'number' ? text(show(conn[name])) : '–');
  const counters: [string, string][] = [
    [t.retransmits, 'retransmits'],
    [t.outOfOrder, 'out_of_order'],
    [t.duplicateAcks, 'duplicate_acks'],
    [t.zeroWindows, 'zero_windows'],
    [t.lostSegments, 'lost_segments'],
  ];
  const cell = (value: number) => <td class={`right num${value > 0 ? ' warn' : ''}`}>{count(value)}</td>;
  return (
    <>
      <h3>{t.health}</h3>
      <table class="data health">
        <thead>
          <tr>
            <th scope="col" />
            <th scope="col" class="right">
              {t.originator}
            </th>
            <th scope="col" class="right">
              {t.responder}
            </th>
          </tr>
        </thead>
        <tbody>
          {counters.map(([label, name]) => (
            <tr key={name}>
              <th scope="row">{label}</th>
              {cell(number(`orig_${name}`))}
              {cell(number(`resp_${name}`))}
            </tr>
          ))}
          {(
            [
              [t.missedBytes, 'missed_bytes', bytes],
              [t.rttMin, 'rtt_min', span],
              [t.rttSmoothed, 'rtt_smoothed', span],
              [t.mss, 'mss', bytes],
              [t.window, 'max_window', bytes],
            ] satisfies [string, string, (value: number) => Quantity][]
          ).map(([label, name, show]) => (
            <tr key={name}>
              <th scope="row">{label}</th>
              <td class="right num">{known(`orig_${name}`, show)}</td>
              <td class="right num">{known(`resp_${name}`, show)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint num">
        {t.handshake}: {known('syn_rtt', span)}, {known('ack_rtt', span)}
      </p>
    </>
  );
}

function Record({ record }: { record: { log: string } & LogRecord }) {
  const { log, ...fields } = record;
  const main = ['query', 'host', 'uri', 'server_name', 'subject', 'client', 'name', 'method'].map((name) => fields[name]).find((value) => typeof value === 'string');
  return (
    <details class="record" open={true}>
      <summary>
        <span class="tag">{log}</span> {main === undefined ? '' : String(main)}
      </summary>
      <Pairs of={fields} without={['uid', 'sensor', 'source', 'id.orig_h', 'id.orig_p', 'id.resp_h', 'id.resp_p']} />
    </details>
  );
}

function Pairs({ of, only, without = [] }: { of: LogRecord; only?: string[]; without?: string[] }) {
  const names = (only ?? Object.keys(of)).filter((name) => !without.includes(name) && of[name] !== null && of[name] !== undefined && of[name] !== '');
  return (
    <dl class="pairs">
      {names.map((name) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd>
            <Field name={name} value={of[name]} look={lookOf(name)} link />
          </dd>
        </div>
      ))}
    </dl>
  );
}
