import { expect, test } from 'vitest';
import { askedFor } from './asked-for.ts';

const methods = (headers: Record<string, string | string[]>, query = '') =>
  askedFor('path', 'POST', `/t/acme/invoices/7${query}`, headers as never).methods;

test.each<[string, Record<string, string | string[]>, string?]>([
  ['a header', { 'x-http-method-override': 'DELETE' }],
  ['its other names', { 'x-method-override': 'delete' }],
  ['an underscore in its name', { x_http_method_override: 'DELETE' }],
  ['a list, as of a header that comes twice', { 'x-http-method-override': 'DELETE, POST' }],
  ['the last of a list', { 'x-http-method-override': 'POST,"DELETE"' }],
  ['many values', { 'x-http-method': ['POST', 'DELETE'] }],
  ['the query', {}, '?_method=DELETE'],
  ['an encoded name', {}, '?%5Fmethod=DELETE'],
  ['an encoded letter', {}, '?_m%65thod=D%45LETE'],
  ['a name that PHP reads as that', {}, '?.method=DELETE'],
  ['a blank before it', {}, '?%20_method=%20DELETE'],
  ['a list in the query', {}, '?_method[]=DELETE'],
  ['a numbered list', {}, '?_method[0]=DELETE'],
  ['a semicolon between', {}, '?a=b;_method=DELETE'],
  ['the header’s name in the query', {}, '?X-HTTP-Method-Override=DELETE'],
  ['one behind many others', {}, `?${'_method=x&'.repeat(1_000)}_method=DELETE`],
])('a method that %s names counts, besides the request’s own', (_, headers, query) => {
  expect(methods(headers, query)).toEqual(['POST', 'DELETE']);
});

test.each<[Record<string, string>, string?]>([
  [{ 'x-http-method-override': 'x' }],
  [{ 'x-method-of-payment': 'DELETE' }],
  [{}, '?method=DELETE'],
  [{}, '?my_method=DELETE'],
  [{}, '?_method=DELETED&%zz=DELETE'],
])('%j%s asks for no other one', (headers, query) => {
  expect(methods(headers, query)).toEqual(['POST']);
});

test('there are never more methods than there are', () => {
  expect(methods({}, `?_method=${'get,head,options,post,put,patch,delete,trace,'.repeat(300)}`)).toHaveLength(7);
});
