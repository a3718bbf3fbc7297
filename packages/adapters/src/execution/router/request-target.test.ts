import { describe, expect, test } from 'vitest';
import { misreadable } from './request-target.ts';

describe('a request’s host', () => {
  test.each([
    ['t1.example.org'],
    ['T1.example.org:8080'],
    ['localhost'],
    ['127.0.0.1:80'],
    ['[::1]:8069'],
    ['a_b.test'],
  ])('%s is one name or address', (host) => expect(misreadable('/', ['Host', host])).toBeUndefined());

  // Of a list many a server takes the last, where we looked up the first.
  test.each([
    ['t1.example.org, t2.example.org'],
    ['t1.example.org,t2.example.org'],
    ['t1.example.org t2.example.org'],
    ['t1.example.org/t2'],
    ['t1.example.org@t2.example.org'],
    ['t1.example.org:80:90'],
    ['[::1], t2'],
    [''],
  ])('%j is not', (host) => expect(misreadable('/', ['Host', host])).toContain('Host'));

  test('is said once', () => {
    expect(misreadable('/', ['Host', 'a.test', 'host', 'b.test'])).toContain('one Host header');
  });
});

describe('a request’s path', () => {
  test.each([
    ['/t/x/..;/y/a'],
    ['/t/x/..;v=1/y'],
    ['/t/x/%2e%2e;/y'],
    ['/t/x/.%2E;a/y'],
    ['/t/x/%252e%252e%3B/y'],
    ['/t/x/.;/a'],
    ['/..;'],
  ])('%s may lead a servlet container to somebody else', (path) => {
    expect(misreadable(path, [])).toContain('dot segments');
  });

  test.each([['/t/x/a;v=1/b'], ['/t/x/...;a'], ['/t/x/a..;b'], ['/t/x/..a;b'], ['/t/x/a%3Bb'], ['/t/x/a?b=/../;c']])(
    '%s is sent on as it is',
    (path) => expect(misreadable(path, [])).toBeUndefined(),
  );
});
