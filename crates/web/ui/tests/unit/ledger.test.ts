import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdict } from '../../src/lib/ledger';

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
