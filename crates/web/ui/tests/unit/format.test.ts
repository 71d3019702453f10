import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bits, bytes, count, percent, short, span, text } from '../../src/lib/format';

test('three significant digits and a fitting unit', () => {
  assert.equal(text(bits(0)), '0 bit/s');
  assert.equal(text(bits(999)), '999 bit/s');
  assert.equal(text(bits(999.6)), '1.00 kbit/s');
  assert.equal(text(bits(98_100_000)), '98.1 Mbit/s');
  assert.equal(text(bytes(1_500_000_000)), '1.50 GB');
  assert.equal(text(bytes(999_600_000)), '1.00 GB');
  assert.equal(short(12_345), '12.3k');
});

test('counts in full have groups', () => assert.equal(count(1_234_567), '1,234,567'));

test('spans from nanoseconds to days', () => {
  assert.equal(text(span(0)), '0 s');
  assert.equal(text(span(870)), '870 ns');
  assert.equal(text(span(1_230_000)), '1.23 ms');
  assert.equal(text(span(90e9)), '90.0 s');
  assert.equal(text(span(3_600e9)), '60.0 min');
  assert.equal(text(span(5 * 86_400e9)), '5.00 d');
});

test('a share that is hardly there is not shown as none', () => {
  assert.equal(percent(0), '0 %');
  assert.equal(percent(0.000_01), '< 0.01 %');
  assert.equal(percent(0.421), '42.1 %');
});
