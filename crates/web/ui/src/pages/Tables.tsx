// TCP health, DNS and TLS: each is a set of tables, asked for one by one, so that each is there as soon as the monitor has it.

import { api, type Extent, type Table, type Tables } from '../api';
import { DataTable } from '../components/DataTable';
import { Panel } from '../components/Panel';
import { Empty, Failed, Scope, Shown, SoFar } from '../components/States';
import { words } from '../i18n';
import { useResource, type Resource } from '../lib/resource';
import { status } from '../lib/session';
import { inOrder, TABLES, WIDE, type TablesOf } from '../lib/tables';
import { queries } from '../lib/turns';
import { currentBounds, range } from '../lib/url';

const BRIEF = 12;

export const TcpPage = () => <TablesPage page="tcp" />;
export const DnsPage = () => <TablesPage page="dns" />;
export const TlsPage = () => <TablesPage page="tls" />;

function TablesPage({ page }: { page: TablesOf }) {
  const t = words.value.state;
  const { names, answers } = useTables(page);
  const tables = answers.map((answer, i) => tableOf(answer, names[i] ?? ''));
  const extent = extentOf(answers);
  const isEmpty = tables.every(({ data }) => data?.rows.length === 0);
  const failed = tables.every(({ data, error }) => data === undefined && error !== undefined) ? tables[0]?.error : undefined;
  if (failed) return <Failed error={failed} again={() => answers.forEach(({ reload }) => reload())} />;
  return (
    <div class="page">
      <SoFar of={tables} />
      {/* Of a store in which there is nothing, how far it was looked at is of no interest. */}
      {extent && !(isEmpty && extent.from === 'store') ? <Scope of={extent} /> : null}
      {isEmpty ? (
        <Empty title={t.nothing} hint={extent?.from === 'live' ? t.liveNothing : t.nothingHint} />
      ) : (
        <div class="grid two">
          {tables.map((table, i) => (
            <TablePanel key={names[i]} name={names[i] ?? ''} of={table} />
          ))}
        </div>
      )}
    </div>
  );
}

/** What was answered of each table, as they are read. */
function useTables(page: TablesOf): { names: string[]; answers: Resource<Tables>[] } {
  const { from, to } = currentBounds.value;
  const names = TABLES[page];
  const subject = `${page} ${JSON.stringify(range.value)}`;
  // A run that keeps no history has all of them at once, and of one moment.
  const atOnce = status.value?.store === null;
  const all = useResource(atOnce ? subject : null, to, (signal) => api.tables(page, { from, to }, signal));
  // As many as the page has, and it always has the same.
  const each = names.map((table) =>
    useResource(atOnce ? null : `${subject} ${table}`, to, (signal) => queries.take(signal, () => api.tables(page, { from, to, table }, signal))),
  );
  return { names, answers: atOnce ? names.map(() => all) : each };
}

const NO_ROWS: Table = { columns: [], rows: [] };

function tableOf(answer: Resource<Tables>, name: string): Resource<Table> {
  const table = answer.data?.[name];
  return { ...answer, data: answer.data && (typeof table === 'object' ? inOrder(name, table) : NO_ROWS) };
}

/** What all of them are about that are there. */
function extentOf(answers: Resource<Tables>[]): Extent | null {
  const known = answers.flatMap(({ data }) => data ?? []);
  const [first] = known;
  if (first === undefined) return null;
  return { from: first.from, complete: known.every(({ complete }) => complete), since: Math.max(...known.map(({ since }) => since)) };
}

function TablePanel({ name, of }: { name: string; of: Resource<Table> }) {
  const title = words.value.tables.titles[name] ?? name.replace(/_/g, ' ');
  return (
    <Panel title={title} loading={of.loading} wide={WIDE.has(name)} flush>
      <Shown of={of}>{({ columns, rows }) => <DataTable label={title} columns={columns} rows={rows} brief={BRIEF} />}</Shown>
    </Panel>
  );
}
