import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csv } from '../../src/lib/download';
import { EXAMPLES, withBounds } from '../../src/lib/examples';
import { lookOf, plain, toMillis } from '../../src/lib/fields';
import { inOrder } from '../../src/lib/tables';

test('a file for spreadsheets: quoted where needed, no formulas', async () => {
  const text = await csv(['a', 'b'], [['x,"y"', 1], ['=1+1', null], [-5, [1, 2]]]).text();
  assert.equal(text, 'a,b\r\n"x,""y""",1\r\n\'=1+1,\r\n-5,"[1,2]"\r\n');
});

test('every example is bounded in time', () => {
  for (const [name, sql] of EXAMPLES) {
    const bounded = withBounds(sql, { from: 1000.5, to: 2000 });
    assert.match(bounded, /ts >= to_timestamp_millis\(1000\) AND ts < to_timestamp_millis\(2000\)/, name);
    assert.doesNotMatch(bounded, /FROM_TIME|TO_TIME/);
  }
});

test('fields by their names', () => {
  assert.equal(lookOf('id.orig_h'), 'address');
  assert.equal(lookOf('resp_ip_bytes'), 'bytes');
  assert.equal(lookOf('duration'), 'span');
  assert.equal(lookOf('syn_rtt'), 'span');
  assert.equal(lookOf('conns', 'Int64'), 'count');
  assert.equal(lookOf('query', 'Utf8'), 'text');
  assert.equal(lookOf('version', 'Int64'), 'count');
});

test('values as text', () => {
  assert.equal(plain('id.resp_p', 50_000), '50000');
  assert.equal(plain('orig_pkts', 50_000), '50,000');
  assert.equal(plain('answers', ['a', 'b']), 'a, b');
  assert.equal(toMillis('2026-11-26T06:00:00.000000001Z'), Date.UTC(2026, 10, 26, 6));
});

test('what a table is about stands first', () => {
  const table = (names: string[], ...rows: (string | boolean)[][]) => ({ columns: names.map((name) => ({ name, kind: '' })), rows });
  assert.deepEqual(inOrder('ciphers', table(['cipher', 'weak', 'conns'], ['A', true, '1'], ['B', false, '2'])), table(['weak', 'cipher', 'conns'], [true, 'A', '1'], [false, 'B', '2']));
  assert.deepEqual(inOrder('expiring', table(['subject', 'issuer', 'not_valid_after'], ['s', 'i', 'd'])), table(['not_valid_after', 'subject', 'issuer'], ['d', 's', 'i']));
  for (const [name, as] of [['names', table(['server_name', 'weak'])], ['ciphers', table(['cipher'])]] as const) assert.deepEqual(inOrder(name, as), as);
});
