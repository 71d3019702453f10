// TCP health, DNS and TLS: each is a set of tables that the monitor names.

import { api, type Table, type Tables } from '../api';
import { DataTable, heading } from '../components/DataTable';
import { Panel } from '../components/Panel';
import { Empty, Scope, Shown } from '../components/States';
import { Field } from '../components/Value';
import { words } from '../i18n';
import { lookOf } from '../lib/fields';
import { useResource } from '../lib/resource';
import { currentBounds, range } from '../lib/url';

type Name = 'tcp' | 'dns' | 'tls';

const BRIEF = 12;
const WIDE_COLUMNS = 6;

export const TcpPage = () => <TablesPage name="tcp" />;
export const DnsPage = () => <TablesPage name="dns" />;
export const TlsPage = () => <TablesPage name="tls" />;

function TablesPage({ name }: { name: Name }) {
  const { from, to } = currentBounds.value;
  const tables = useResource(`${name} ${JSON.stringify(range.value)}`, to, (signal) => api.tables(name, { from, to }, signal));
  return (
    <div class="page">
      <Shown of={tables} lines={14} isEmpty={(data) => data.from === 'store' && isEmpty(data)}>
        {(data) => (isEmpty(data) ? <Nothing of={data} /> : <TableGrid of={data} loading={tables.loading} />)}
      </Shown>
    </div>
  );
}

const isEmpty = (data: Tables): boolean => tablesOf(data).every(([, table]) => table.rows.length === 0);

/** Of a run that keeps no history, and has nothing yet. */
function Nothing({ of }: { of: Tables }) {
  const t = words.value.state;
  return (
    <>
      <Scope of={of} />
      <Empty title={t.nothing} hint={t.liveNothing} />
    </>
  );
}

/** What is read first stands first. */
const ORDER = [
  ...['products', 'services', 'unrecognised'],
  ...['rtt_by_host', 'rtt_by_network', 'retransmissions', 'zero_windows', 'refused', 'resets', 'missed'],
  ...['queries', 'failures', 'servers', 'rcodes', 'types'],
  ...['versions', 'ciphers', 'expiring', 'self_signed', 'names', 'clients', 'failed'],
];

/** The entries that are tables. */
export function tablesOf(data: Tables): [string, Table][] {
  const place = ([name]: [string, Table]): number => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
  return Object.entries(data)
    .filter((entry): entry is [string, Table] => typeof entry[1] === 'object')
    .sort((a, b) => place(a) - place(b));
}

export function TableGrid({ of, loading }: { of: Tables; loading: boolean }) {
  const t = words.value.tables;
  const tables = tablesOf(of);
  return (
    <>
      <Scope of={of} />
      {tables.filter(isSummary).map(([name, table]) => (
        <Summary key={name} of={table} />
      ))}
      <div class="grid two">
        {tables.filter((entry) => !isSummary(entry)).map(([name, { columns, rows }]) => (
          <Panel key={name} title={t.titles[name] ?? name.replace(/_/g, ' ')} loading={loading} wide={columns.length >= WIDE_COLUMNS} flush>
            <DataTable label={t.titles[name] ?? name} columns={columns} rows={rows} brief={BRIEF} />
          </Panel>
        ))}
      </div>
    </>
  );
}

/** One row of several numbers is read better as figures. */
const isSummary = ([name, { columns, rows }]: [string, Table]): boolean => /^(summary|totals?)$/.test(name) && rows.length === 1 && columns.length > 1;

function Summary({ of: { columns, rows } }: { of: Table }) {
  return (
    <dl class="figures">
      {columns.map(({ name, kind }, i) => (
        <div key={name}>
          <dt>{heading(name)}</dt>
          <dd>
            <span class="amount-big">
              <Field name={name} value={rows[0]?.[i] ?? null} look={lookOf(name, kind)} link />
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
