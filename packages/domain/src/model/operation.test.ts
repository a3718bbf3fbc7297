import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asksFor, isOperationPath, METHODS, type Operation } from './operation.ts';

const post: Operation = {
  name: 'post-invoice',
  says: 'Invoices can’t be posted at the moment.',
  requests: [
    { methods: ['POST'], path: '/invoices/*/post' },
    { methods: ['PUT', 'DELETE'], path: '/ledger/**' },
  ],
};
const asks = (method: string, path: string) => asksFor(post, { methods: [method], path });

describe('a request asks for an operation', () => {
  test.each([
    ['POST', '/invoices/7/post'],
    ['post', '/invoices/7/post'],
    ['POST', '/invoices/7/post/'],
    ['POST', '//invoices///7/post'],
    ['POST', '/Invoices/7/POST'],
    ['POST', '/inv%6fices/7/%70ost'],
    ['POST', '/invoices/7/post;jsessionid=1'],
    ['POST', '/invoices;a=b/7/post'],
    ['POST', '/invoices/7%2Fpost'],
    ['POST', '/invoices/a%2Fb/post'],
    ['POST', '/x%2F..%2Finvoices/7/post'],
    ['POST', '/invoices%5C7%5Cpost'],
    ['POST', '/invoices/%zz/anything'],
    ['PUT', '/ledger'],
    ['DELETE', '/ledger/2026/11/22'],
  ])('%s %s: by its method and its path, however that is written', (method, path) => {
    expect(asks(method, path)).toBe(true);
  });

  test.each([
    ['GET', '/invoices/7/post'],
    ['POST', '/invoices/7'],
    ['POST', '/invoices/7/post/again'],
    ['POST', '/invoices/7/posts'],
    ['POST', '/'],
    ['POST', ''],
    ['GET', '/ledger/2026'],
    ['GET', '/invoices/%zz'],
  ])('%s %s is another one, and is served', (method, path) => {
    expect(asks(method, path)).toBe(false);
  });

  test('a method that the application is asked to take instead counts as well', () => {
    expect(asksFor(post, { methods: ['POST', 'DELETE'], path: '/ledger/1' })).toBe(true);
  });

  test('who closes GET closes HEAD', () => {
    const read: Operation = { ...post, requests: [{ methods: ['GET'], path: '/report' }] };
    expect(asksFor(read, { methods: ['HEAD'], path: '/report' })).toBe(true);
    expect(asksFor(read, { methods: ['OPTIONS'], path: '/report' })).toBe(false);
  });

  test('whatever is asked gets an answer, in time that its length bounds', () => {
    const most: Operation = {
      ...post,
      requests: Array.from({ length: 20 }, () => ({ methods: [...METHODS], path: `${'/*'.repeat(19)}/**` })),
    };
    fc.assert(fc.property(fc.string(), (path) => typeof asksFor(most, { methods: ['POST'], path }) === 'boolean'));
    expect(asksFor(most, { methods: ['POST'], path: '/a;'.repeat(5_000) })).toBe(true);
  });
});

test.each([
  ['/', false],
  ['/**', true],
  ['/invoices/*/post', true],
  ['/json/2/account.move/action_post', true],
  ['/größe', true],
  ['invoices', false],
  ['//invoices', false],
  ['/invoices/', false],
  ['/a/**/b', false],
  ['/a*b', false],
  ['/a/../b', false],
  ['/a?x=1', false],
  ['/a%20b', false],
  ['/a b', false],
  ['/a\\b', false],
  ['/a;b', false],
  ['/\u0000', false],
  [`/${'a'.repeat(200)}`, false],
  ['/a'.repeat(21), false],
])('an operation may name the path %j: %s', (path, may) => {
  expect(isOperationPath(path)).toBe(may);
});
