// A table as the monitor sends it: columns with kinds, rows of cells.

import { useSignal } from '@preact/signals';
import type { Cell, Column } from '../api';
import { words } from '../i18n';
import { isNumeric, lookOf } from '../lib/fields';
import { count } from '../lib/format';
import { Empty } from './States';
import { Field } from './Value';

interface Props {
  label: string;
  columns: Column[];
  rows: Cell[][];
  /** Rows before "show all"; without it all are shown. */
  brief?: number;
}

/** `id.orig_h` → as it is; `conn_count` → `conn count`, or its translation. */
function heading(name: string): string {
  return words.value.tables.columns[name] ?? name.replace(/_/g, ' ');
}

export function DataTable({ label, columns, rows, brief }: Props) {
  const t = words.value;
  const all = useSignal(false);
  const sort = useSignal<{ at: number; down: boolean } | null>(null);
  if (rows.length === 0) return <Empty title={t.state.nothing} />;
  const looks = columns.map((column) => lookOf(column.name, column.kind));
  const order = sort.value;
  const sorted = order === null ? rows : [...rows].sort((a, b) => compare(a[order.at] ?? null, b[order.at] ?? null) * (order.down ? -1 : 1));
  const shown = brief === undefined || all.value ? sorted : sorted.slice(0, brief);
  return (
    <>
      <div class="scroll" tabIndex={0} role="group" aria-label={label}>
        <table class="data">
          <thead>
            <tr>
              {columns.map((column, i) => {
                const own = order?.at === i ? order : null;
                return (
                  <th key={column.name} scope="col" class={isNumeric(looks[i] ?? 'text') ? 'right' : ''} aria-sort={own === null ? 'none' : own.down ? 'descending' : 'ascending'}>
                    <button type="button" class="sorter" onClick={() => (sort.value = own?.down === false ? null : { at: i, down: own === null })}>
                      {heading(column.name)}
                      {own === null ? '' : own.down ? ' ↓' : ' ↑'}
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, r) => (
              <tr key={r}>
                {columns.map((column, i) => (
                  <td key={column.name} class={isNumeric(looks[i] ?? 'text') ? 'right' : ''}>
                    <Field name={column.name} value={row[i] ?? null} look={looks[i] ?? 'text'} link />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {brief !== undefined && rows.length > brief ? (
        <button type="button" class="button quiet" onClick={() => (all.value = !all.value)}>
          {all.value ? t.tables.showFewer : t.tables.showAll(count(rows.length))}
        </button>
      ) : null}
    </>
  );
}

/** Numbers by size, texts by the alphabet with numbers in them by size; nothing last. */
function compare(a: Cell, b: Cell): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
