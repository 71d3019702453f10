// The tables of the pages that are made of tables, by the monitor's names. What is read first stands first, and is asked for first.

export type TablesOf = 'tcp' | 'dns' | 'tls';

export const TABLES: Record<TablesOf, string[]> = {
  tcp: ['rtt_by_host', 'rtt_by_network', 'retransmissions', 'zero_windows', 'refused', 'resets', 'missed'],
  dns: ['queries', 'failures', 'servers', 'rcodes', 'types', 'clients'],
  tls: ['versions', 'ciphers', 'expiring', 'self_signed', 'names', 'clients', 'failed'],
};

/** Those that have many columns. They get the room before they are there. */
export const WIDE: ReadonlySet<string> = new Set(['rtt_by_host', 'servers']);
