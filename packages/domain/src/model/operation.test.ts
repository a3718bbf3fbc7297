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
    ['POST', '/invoices/7/post.json'],
    ['POST', '/invoices/7/post.'],
    ['POST', '/invoices/7/post%20'],
    ['POST', '/invoices/7/post+'],
    ['POST', '/invoices/7/post%0A'],
    ['POST', '/invoices/7/post%00'],
    ['POST', '/invoices/7/post%00.json'],
    ['POST', '/invoices/7/post%3Fx=1'],
    ['POST', '/invoices/7/post/%20'],
    ['POST', '/invoices/7/%2570ost'],
    ['POST', '/invoices/7/%25252570ost'],
    ['POST', '/invoices/100%25/%2570ost'],
    ['POST', '/invoices%252F7%252Fpost'],
    ['POST', '/x%252F..%252Finvoices/7/post'],
    ['POST', '/x/..;/invoices/7/post'],
    ['POST', '/invoices/;x/post'],
    ['POST', '/invoices/%20/post'],
    ['POST', '/invoices/7/%EF%BD%90ost'],
    ['POST', '/invoices/7/po%C5%BFt'],
    ['DELETE', '/ledger.json'],
    ['DELETE', '/ledger/%20'],
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
    ['POST', '/invoices.json/7/post'],
    ['POST', '/invoices/100%25'],
    ['POST', '/invoices/7/%2570osts'],
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

  test.each([
    ['encoded again and again', '/%25252561'.repeat(1_600)],
    ['encoded twice', '/%2561'.repeat(2_600)],
    ['of semicolons', '/a;'.repeat(5_000)],
    ['of dots', `/${'.'.repeat(16_000)}x`],
    ['of blanks', `/${'%20'.repeat(5_000)}x`],
    ['of letters that become many', '/%EF%B7%BA'.repeat(1_700)],
  ])('the longest path %s is read in no time, however many operations are closed', (_, path) => {
    const operations = Array.from({ length: 50 }, () => ({
      ...post,
      requests: Array.from({ length: 20 }, (_none, i) => ({
        methods: ['POST' as const],
        path: `${'/*'.repeat(18)}/${i}/**`,
      })),
    }));
    const request = { methods: ['POST'], path };
    // What looks from each place anew runs into the test's own time.
    for (const each of operations) expect(typeof asksFor(each, request)).toBe('boolean');
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
