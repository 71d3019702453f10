import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Alert } from '../../src/api';
import { isDown } from '../../src/lib/alerts';

const alert = (name: string, text: string, object?: string): Alert => ({ name, severity: 'critical', text, since: 0, ...(object === undefined ? {} : { object }) });

test('an interface without carrier is told by the object, or by the begin of the text', () => {
  for (const alerts of [[alert('link_down', 'eth1 has no carrier: nothing can come')], [alert('link_down', 'nothing can come', 'eth1')]]) {
    assert.ok(isDown(alerts, 'eth1'));
    assert.ok(!isDown(alerts, 'eth'));
    assert.ok(!isDown(alerts, 'eth10'));
  }
  assert.ok(!isDown([alert('link_down', 'eth1 has no carrier', 'eth2')], 'eth1'));
  assert.ok(!isDown([alert('loss', 'eth1 lost packets')], 'eth1'));
  assert.ok(!isDown([], 'eth1'));
});
