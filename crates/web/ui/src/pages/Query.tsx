// SQL over the store: a statement, its rows as they come, a chart of them, a file.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { api, ApiError, type Cell, type Column } from '../api';
import { Chart, type Series } from '../components/Chart';
import { DataTable } from '../components/DataTable';
import { Icon } from '../components/icons';
import { Menu } from '../components/Menu';
import { Panel } from '../components/Panel';
import { Empty, Failed } from '../components/States';
import { words } from '../i18n';
import { download } from '../lib/download';
import { EXAMPLES, withBounds } from '../lib/examples';
import { lookOf, quantity, toMillis } from '../lib/fields';
import { count, rate, span, text, type Quantity } from '../lib/format';
import { useResource } from '../lib/resource';
import { change, clock, currentBounds, now, place } from '../lib/url';

const MAX_ROWS = 1000;
const CSV_ROWS = 1_000_000;
const COLORS = 8;

interface Answer {
  columns: Column[];
  rows: Cell[][];
  progress: number | null;
  done: { elapsed: number; truncated: boolean; files: { read: number; total: number } | null } | null;
}

export function QueryPage() {
  const t = words.value.query;
  const kept = place.value.params.get('sql') ?? '';
  const sql = useSignal(kept);
  const answer = useSignal<Answer | null>(null);
  const error = useSignal<ApiError | null>(null);
  const abort = useRef<AbortController | null>(null);
  const running = useSignal(false);
  const area = useRef<HTMLTextAreaElement>(null);

  const stop = (): void => {
    abort.current?.abort();
    abort.current = null;
    running.value = false;
  };
  const run = async (): Promise<void> => {
    stop();
    if (sql.value.trim() === '') return;
    const mine = new AbortController();
    abort.current = mine;
    now.value = clock();
    running.value = true;
    error.value = null;
    answer.value = { columns: [], rows: [], progress: null, done: null };
    const add = (change: Partial<Answer>): void => {
      if (!mine.signal.aborted && answer.value) answer.value = { ...answer.value, ...change };
    };
    try {
      await api.query(
        withBounds(sql.value, currentBounds.value),
        MAX_ROWS,
        (event) => {
          switch (event.event) {
            case 'schema':
              return add({ columns: event.columns });
            case 'rows':
              return add({ rows: [...(answer.value?.rows ?? []), ...event.rows] });
            case 'progress':
              return add({ progress: event.total > 0 ? event.done / event.total : null });
            case 'done':
              return add({ done: { elapsed: event.elapsed_ms, truncated: event.truncated, files: event.files ?? null } });
            case 'error':
              throw new ApiError(400, event.code, event.message, event.hint ?? null);
          }
        },
        mine.signal,
      );
    } catch (cause) {
      if (mine.signal.aborted) return;
      error.value = cause instanceof ApiError ? cause : new ApiError(0, 'unreadable', cause instanceof Error ? cause.message : String(cause));
    }
    if (abort.current === mine) running.value = false;
  };
  const start = (statement: string): void => {
    if (statement !== kept) change({ sql: statement });
    else void run();
  };

  // A link to a statement shows its rows; leaving the page ends it.
  useEffect(() => {
    sql.value = kept;
    if (kept === '') answer.value = null;
    else void run();
    return stop;
  }, [kept]);

  const insert = (word: string): void => {
    const element = area.current;
    if (!element) return;
    element.focus();
    element.setRangeText(word, element.selectionStart, element.selectionEnd, 'end');
    sql.value = element.value;
  };
  const save = async (): Promise<void> => {
    try {
      download('query.csv', await api.csv(withBounds(sql.value, currentBounds.value), CSV_ROWS));
    } catch (cause) {
      if (cause instanceof ApiError) error.value = cause;
      else throw cause;
    }
  };

  return (
    <div class="page">
      <Panel
        title={t.sql}
        wide
        aside={
          <>
            <Menu label={t.examples} button={t.examples}>
              {(close) => (
                <div class="examples-sheet">
                  {EXAMPLES.map(([name, statement]) => (
                    <button
                      type="button"
                      class="choice"
                      key={name}
                      onClick={() => {
                        close();
                        sql.value = statement;
                        start(statement);
                      }}
                    >
                      {t.names[name]}
                    </button>
                  ))}
                </div>
              )}
            </Menu>
            <Menu label={t.tables} button={t.tables}>
              {() => <Schema insert={insert} />}
            </Menu>
          </>
        }
      >
        <textarea
          ref={area}
          class="sql"
          data-search
          aria-label={t.sql}
          spellcheck={false}
          rows={Math.min(18, Math.max(6, sql.value.split('\n').length + 1))}
          value={sql.value}
          placeholder="SELECT service, count(*) AS conns FROM conn WHERE ts >= FROM_TIME GROUP BY service ORDER BY conns DESC"
          onInput={(e) => (sql.value = e.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              start(sql.value);
            } else if (event.key === 'Escape') area.current?.blur();
          }}
        />
        <div class="toolbar">
          {running.value ? (
            <button type="button" class="button" onClick={stop}>
              <Icon name="stop" /> {t.stop}
            </button>
          ) : (
            <button type="button" class="button primary" onClick={() => start(sql.value)} disabled={sql.value.trim() === ''}>
              <Icon name="play" /> {t.run}
            </button>
          )}
          <button type="button" class="button" onClick={() => void save()} disabled={answer.value?.done == null}>
            <Icon name="download" /> {t.csv}
          </button>
          <span class="hint">{t.hint}</span>
        </div>
      </Panel>
      {error.value === null ? null : <Failed error={error.value} again={() => void run()} />}
      {answer.value === null && error.value === null ? <Empty title={t.empty} /> : null}
      {answer.value === null || error.value !== null ? null : <Rows answer={answer.value} running={running.value} />}
    </div>
  );
}

function Rows({ answer, running }: { answer: Answer; running: boolean }) {
  const t = words.value.query;
  const { columns, rows, done, progress } = answer;
  const wanted = place.value.params.get('y');
  const charted = useMemo(() => chartOf(columns, rows, wanted), [columns, rows, wanted]);
  const shown = place.value.params.get('show') === 'chart' ? 'chart' : 'table';
  const hint = done
    ? [t.rows(count(rows.length), text(span(done.elapsed * 1e6))), done.files && done.files.total > 0 ? t.files(count(done.files.read), count(done.files.total)) : '', done.truncated ? t.truncated(count(rows.length)) : '']
        .filter((part) => part !== '')
        .join(' · ')
    : undefined;
  return (
    <Panel
      title={shown === 'chart' ? t.chart : t.table}
      hint={hint}
      loading={running}
      flush={shown === 'table'}
      wide
      aside={
        <>
          {shown === 'chart' && charted && charted.choices.length > 1 ? (
            <select class="input" aria-label={t.column} value={charted.shown} onChange={(e) => change({ y: e.currentTarget.value }, 'replace')}>
              {charted.choices.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          ) : null}
          {running ? <progress max={1} value={progress ?? undefined} aria-label={t.running} /> : null}
          <div class="segments">
            <button type="button" aria-pressed={shown === 'table'} onClick={() => change({ show: null }, 'replace')}>
              {t.table}
            </button>
            <button type="button" aria-pressed={shown === 'chart'} onClick={() => change({ show: 'chart' }, 'replace')}>
              {t.chart}
            </button>
          </div>
        </>
      }
    >
      {rows.length === 0 ? (
        running ? null : (
          <Empty title={t.noRows} hint={words.value.state.nothingHint} />
        )
      ) : shown === 'table' ? (
        <DataTable label={t.table} columns={columns} rows={rows} />
      ) : charted ? (
        <Chart label={t.chart} times={charted.times} series={charted.series} format={charted.format} height={320} />
      ) : (
        <Empty title={t.noChart} />
      )}
    </Panel>
  );
}

interface Charted {
  times: number[];
  series: Series[];
  /** Columns that could be drawn, and the one that decides the unit. */
  choices: string[];
  shown: string;
  format: (value: number) => Quantity;
}

/** The first column of times against each column of numbers. */
function chartOf(columns: Column[], rows: Cell[][], wanted: string | null): Charted | null {
  const looks = columns.map(({ name, kind }) => lookOf(name, kind));
  const time = looks.findIndex((look, i) => look === 'time' && toMillis(rows[0]?.[i] ?? null) !== null);
  if (time < 0) return null;
  const numbers = columns.map((_, i) => i).filter((i) => i !== time && rows.some((row) => typeof row[i] === 'number'));
  const first = numbers[0];
  if (first === undefined || rows.length < 2) return null;
  const points = rows.map((row): [number | null, Cell[]] => [toMillis(row[time] ?? null), row]).filter((point): point is [number, Cell[]] => point[0] !== null);
  points.sort((a, b) => a[0] - b[0]);
  // Two points of one time cannot both be drawn over it: the later one is moved by next to nothing.
  let last = -Infinity;
  const times = points.map(([ms]) => (last = ms <= last ? last + 0.001 : ms));
  // One axis has one unit: the wanted column's, and the others that share it.
  const shown = numbers.find((i) => columns[i]?.name === wanted) ?? first;
  const look = looks[shown] ?? 'count';
  return {
    times,
    choices: numbers.map((i) => columns[i]?.name ?? ''),
    shown: columns[shown]?.name ?? '',
    series: numbers.filter((i) => looks[i] === look).slice(0, COLORS).map((i, at) => ({
      label: columns[i]?.name ?? '',
      values: points.map(([, row]) => (typeof row[i] === 'number' ? row[i] : null)),
      color: `--series-${at + 1}`,
    })),
    format: (value) => quantity(look, value) ?? rate(value, ''),
  };
}

function Schema({ insert }: { insert: (word: string) => void }) {
  const t = words.value.query;
  const tables = useResource('schema', 0, (signal) => api.schema(signal));
  const quote = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name}"`);
  return (
    <div class="schema">
      {tables.error ? <Failed error={tables.error} again={tables.reload} /> : null}
      {(tables.data ?? []).map((table) => (
        <details key={table.name}>
          <summary title={table.doc}>{table.name}</summary>
          <ul>
            {table.columns.map((column) => (
              <li key={column.name}>
                <button type="button" class="value" title={column.doc} aria-label={t.insert(column.name)} onClick={() => insert(quote(column.name))}>
                  {column.name}
                </button>
                <span class="hint">{column.kind}</span>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </div>
  );
}
