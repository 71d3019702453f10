// Statements to start from. FROM_TIME and TO_TIME stand for the shared range; a condition on ts is what keeps a query quick.

import type { Dictionary } from '../i18n/en';
import type { Bounds } from './range';

const RANGE = 'ts >= FROM_TIME AND ts < TO_TIME';

export const EXAMPLES: [name: keyof Dictionary['query']['names'], sql: string][] = [
  ['services', `SELECT service, count(*) AS conns, sum(orig_ip_bytes + resp_ip_bytes) AS bytes\nFROM conn\nWHERE ${RANGE}\nGROUP BY service\nORDER BY bytes DESC\nLIMIT 20`],
  ['talkers', `SELECT "id.orig_h", count(*) AS conns, sum(orig_ip_bytes) AS sent, sum(resp_ip_bytes) AS received\nFROM conn\nWHERE ${RANGE}\nGROUP BY "id.orig_h"\nORDER BY sent DESC\nLIMIT 20`],
  ['rate', `SELECT date_bin(INTERVAL '10 seconds', ts) AS time, sum(orig_ip_bytes + resp_ip_bytes) AS bytes, count(*) AS conns\nFROM conn\nWHERE ${RANGE}\nGROUP BY time\nORDER BY time`],
  ['failed', `SELECT conn_state, "id.resp_h", "id.resp_p", count(*) AS conns\nFROM conn\nWHERE ${RANGE}\n  AND conn_state IN ('S0', 'REJ', 'RSTO', 'RSTR')\nGROUP BY conn_state, "id.resp_h", "id.resp_p"\nORDER BY conns DESC\nLIMIT 50`],
  ['dns', `SELECT query, count(*) AS queries, count(DISTINCT "id.orig_h") AS clients\nFROM dns\nWHERE ${RANGE} AND rcode_name = 'NXDOMAIN'\nGROUP BY query\nORDER BY queries DESC\nLIMIT 50`],
  ['slow', `SELECT "id.resp_h", count(*) AS conns, approx_percentile_cont(syn_rtt, 0.5) AS p50, approx_percentile_cont(syn_rtt, 0.95) AS p95\nFROM conn\nWHERE ${RANGE} AND syn_rtt IS NOT NULL\nGROUP BY "id.resp_h"\nORDER BY p95 DESC\nLIMIT 20`],
  ['retransmits', `SELECT "id.orig_h", "id.resp_h", sum(orig_retransmits + resp_retransmits) AS retransmits, sum(orig_pkts + resp_pkts) AS packets\nFROM conn\nWHERE ${RANGE} AND proto = 'tcp'\nGROUP BY "id.orig_h", "id.resp_h"\nHAVING sum(orig_retransmits + resp_retransmits) > 0\nORDER BY retransmits DESC\nLIMIT 50`],
  ['tls', `SELECT version, cipher, count(*) AS conns\nFROM ssl\nWHERE ${RANGE}\nGROUP BY version, cipher\nORDER BY conns DESC`],
  ['long', `SELECT ts, "id.orig_h", "id.resp_h", "id.resp_p", service, duration, orig_ip_bytes, resp_ip_bytes\nFROM conn\nWHERE ${RANGE}\nORDER BY duration DESC NULLS LAST\nLIMIT 50`],
  ['ports', `SELECT "id.orig_h", count(DISTINCT "id.resp_p") AS ports, count(DISTINCT "id.resp_h") AS hosts\nFROM conn\nWHERE ${RANGE} AND conn_state IN ('S0', 'REJ')\nGROUP BY "id.orig_h"\nORDER BY ports DESC\nLIMIT 50`],
  ['weird', `SELECT name, count(*) AS count, max(ts) AS last\nFROM weird\nWHERE ${RANGE}\nGROUP BY name\nORDER BY count DESC`],
];

/** The statement with the bounds of the range in it. */
export function withBounds(sql: string, { from, to }: Bounds): string {
  return sql.replace(/\bFROM_TIME\b/g, `to_timestamp_millis(${Math.floor(from)})`).replace(/\bTO_TIME\b/g, `to_timestamp_millis(${Math.ceil(to)})`);
}
