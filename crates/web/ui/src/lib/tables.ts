// The tables of the pages that are made of tables, by the monitor's names. What is read first stands first, and is asked for first.

import type { Table } from '../api';

export type TablesOf = 'tcp' | 'dns' | 'tls';

export const TABLES: Record<TablesOf, string[]> = {
  tcp: ['rtt_by_host', 'rtt_by_network', 'retransmissions', 'zero_windows', 'refused', 'resets', 'missed'],
  dns: ['queries', 'failures', 'servers', 'rcodes', 'types', 'clients'],
  tls: ['versions', 'ciphers', 'expiring', 'self_signed', 'names', 'clients', 'failed'],
};

/** Those that have many columns, or long texts. They get the room before they are there. */
export const WIDE: ReadonlySet<string> = new Set(['rtt_by_host', 'servers', 'expiring']);

/** The column that a table is about: it stands first, so that it is in sight however narrow the table is. */
const FIRST: Readonly<Record<string, string>> = { versions: 'weak', ciphers: 'weak', expiring: 'not_valid_after', self_signed: 'not_valid_after' };

/** The table with that column first. */
export function inOrder(name: string, { columns, rows }: Table): Table {
  const at = columns.findIndex((column) => column.name === FIRST[name]);
  if (at <= 0) return { columns, rows };
  const moved = <T>(list: T[]): T[] => [...list.slice(at, at + 1), ...list.slice(0, at), ...list.slice(at + 1)];
  return { columns: moved(columns), rows: rows.map(moved) };
}
