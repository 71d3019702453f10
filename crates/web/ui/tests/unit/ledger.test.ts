import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ledger, Output } from '../../src/api';
import { en } from '../../src/i18n/en';
import { zh } from '../../src/i18n/zh';
import { accounts, losses, verdict } from '../../src/lib/ledger';

test('nothing is good that nobody can tell any more', () => {
  const whole = { balanced: true, lost_anything: false };
  assert.equal(verdict(whole, 'live'), 'good');
  assert.equal(verdict({ ...whole, lost_anything: true }, 'live'), 'bad');
  assert.equal(verdict({ ...whole, balanced: false }, 'live'), 'bad');
  for (const connection of ['lost', 'connecting', 'history'] as const) {
    assert.equal(verdict(whole, connection), 'stale');
    assert.equal(verdict({ balanced: false, lost_anything: true }, connection), 'stale');
  }
});

test('what was lost: packets, and records beside them where any were', () => {
  assert.deepEqual(losses({ lost_packets: 0 }, en.ledger), ['0 lost']);
  assert.deepEqual(losses({ lost_packets: 1200, lost_records: 0 }, en.ledger), ['1,200 lost']);
  assert.deepEqual(losses({ lost_packets: 0, lost_records: 12_345 }, en.ledger), ['0 packets lost', '12,345 records lost']);
  assert.deepEqual(losses({ lost_packets: 7, lost_records: 5 }, zh.ledger), ['丢失 7 个数据包', '丢失 5 条记录']);
});

const ledger = (records: Ledger['records']): Ledger => ({
  capture: [],
  frames: { delivered: 0, delivered_bytes: 0, filtered: 0, beyond_count: 0, undecodable: 0, undecodable_by: [], not_ip: 0, not_ip_by: [], hand_over_full: 0, in_hand_over: 0, analysed: 0, handed_over: 0, unaccounted: 0 },
  flows: { opened: 0, active: 0, ended_by: [], refused: 0, duplicates: 0, fragments_unmatched: 0, fragments_held: 0, facts_lost: 0, absurd_timestamps: 0, weirds_suppressed: 0, unaccounted: 0 },
  applications: { opened: 0, open: 0, recognised: 0, refused: 0, shed: 0, given_up: 0, outside_window: 0, datagrams_whole: 0, datagrams_given_up: 0 },
  records,
  writer: null,
});
const output = (name: string, dropped: number): Output => ({ name, state: 'ok', written: 0, dropped, bytes: 0, errors: 0, last_error: null });

test('records that an output lost are not among those that it wrote', () => {
  const list = accounts(
    ledger([
      { output: 'store', produced: 105, queued: 100, dropped: 5, shown_only: false },
      { output: 'eve', produced: 105, queued: 105, dropped: 0, shown_only: false },
      { output: 'live', produced: 105, queued: 105, dropped: 0, shown_only: true },
    ]),
    [output('eve', 0), output('store', 30)],
    en.ledger,
  );
  const of = (name: string): [string, number | null, boolean][] => {
    const first = list.findIndex((account) => account.name === en.ledger.recordsFor(name)) + 1;
    const next = list.findIndex(({ depth }, i) => i >= first && depth === 0);
    return list.slice(first, next < 0 ? undefined : next).map((account) => [account.name, account.count, account.loss === true]);
  };
  assert.deepEqual(of('store'), [
    ['written or queued', 70, false],
    ['lost by the output', 30, true],
    ['dropped, ring full', 5, true],
  ]);
  assert.deepEqual(of('eve'), [
    ['written or queued', 105, false],
    ['dropped, ring full', 0, true],
  ]);
  assert.deepEqual(of('live'), [['written or queued', 105, false]]);
  // The ledger's own number is of the same moment as the rest of it.
  const told = accounts(ledger([{ output: 'store', produced: 9, queued: 9, dropped: 0, lost_by_output: 4, shown_only: false }]), [output('store', 5)], en.ledger);
  assert.deepEqual(
    told.slice(-3).map(({ count }) => count),
    [5, 4, 0],
  );
  // Records of the output's own were never queued for it.
  assert.equal(accounts(ledger([{ output: 'store', produced: 2, queued: 2, dropped: 0, shown_only: false }]), [output('store', 3)], en.ledger).find(({ name }) => name === en.ledger.written)?.count, 0);
});
