import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoted, terms, withTerm, withoutTerm, wordAt } from '../../src/lib/filter';

const texts = (text: string): string[] => terms(text).map((term) => term.text);

test('terms', () => {
  assert.deepEqual(texts('10.0.0.5  port:443 -country:DE'), ['10.0.0.5', 'port:443', '-country:DE']);
  assert.deepEqual(texts('app:"Some Thing" (a or b) -(c)'), ['app:"Some Thing"', '(', 'a', 'or', 'b', ')', '-(', 'c', ')']);
  assert.deepEqual(texts('"never ended'), ['"never ended']);
  assert.deepEqual(texts('"with \\" quote" x'), ['"with \\" quote"', 'x']);
  assert.deepEqual(texts(''), []);
});

test('the word at the caret', () => {
  assert.deepEqual(wordAt('port:443 serv', 13), { begin: 9, end: 13, negated: false, field: null, value: 'serv' });
  assert.deepEqual(wordAt('-service:dn', 11), { begin: 0, end: 11, negated: true, field: 'service', value: 'dn' });
  assert.deepEqual(wordAt('bytes>1M ', 8), { begin: 0, end: 8, negated: false, field: 'bytes', value: '1M' });
  assert.equal(wordAt('a ', 2).value, '');
  assert.equal(wordAt('(', 1).begin, 1);
});

test('adding a term', () => {
  assert.equal(withTerm('', 'service', 'dns'), 'service:dns');
  assert.equal(withTerm('port:53', 'service', 'dns'), 'port:53 service:dns');
  assert.equal(withTerm('service:dns', 'service', 'dns'), 'service:dns');
  assert.equal(withTerm('service:dns port:53', 'service', 'dns', true), 'port:53 -service:dns');
  assert.equal(withTerm('a or b', 'proto', 'tcp'), '(a or b) proto:tcp');
  assert.equal(withTerm('(a or b)', 'proto', 'tcp'), '(a or b) proto:tcp');
  assert.equal(withTerm('', 'app', 'Some Thing'), 'app:"Some Thing"');
});

test('taking one away', () => {
  assert.equal(withoutTerm('a b c', 1), 'a c');
  assert.equal(withoutTerm('a', 0), '');
});

test('values that would be read as something else are quoted', () => {
  assert.equal(quoted('2001:db8::1'), '2001:db8::1');
  assert.equal(quoted('or'), '"or"');
  assert.equal(quoted('-x'), '"-x"');
  assert.equal(quoted('say "x"'), '"say \\"x\\""');
});
