// A list of the greatest: a name, a bar, the numbers.

import type { ComponentChildren } from 'preact';
import type { Quantity } from '../lib/format';
import { words } from '../i18n';
import { Amount } from './Amount';
import { Empty } from './States';

export interface RankedRow {
  key: string;
  name: ComponentChildren;
  detail?: string | null | undefined;
  /** The two parts of its bar: received and sent, or one. */
  parts: [number, number];
  amounts: Quantity[];
}

interface Props {
  label: string;
  heads: string[];
  rows: RankedRow[];
  hint?: string | undefined;
}

export function Ranked({ label, heads, rows, hint }: Props) {
  if (rows.length === 0) return <Empty title={words.value.state.nothing} hint={hint} />;
  const most = rows.reduce((high, { parts: [a, b] }) => Math.max(high, a + b), 0);
  const width = (part: number): string => `${most === 0 ? 0 : (part / most) * 100}%`;
  // A column of plain counts needs no room for units.
  const bare = (i: number): boolean => rows.every(({ amounts }) => (amounts[i]?.unit ?? '') === '');
  return (
    <table class="ranked" aria-label={label}>
      <thead>
        <tr>
          {heads.map((head, i) => (
            <th key={head} scope="col" class={i === 0 ? '' : bare(i - 1) ? 'right' : 'right united'}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <th scope="row">
              <span class="ranked-name">
                {row.name}
                {row.detail ? <span class="detail">{row.detail}</span> : null}
              </span>
              <span class="bar" aria-hidden="true">
                <i class="bar-in" style={{ width: width(row.parts[0]) }} />
                <i class="bar-out" style={{ width: width(row.parts[1]) }} />
              </span>
            </th>
            {row.amounts.map((amount, i) => (
              <td key={heads[i + 1]} class="right">
                <Amount of={amount} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
