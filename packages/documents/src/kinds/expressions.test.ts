import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseCondition, parseExpression, parseTemplate } from './expressions.ts';

describe('expressions', () => {
  test.each([
    ['$statusCode', { kind: 'status' }],
    ['$response.body', { kind: 'body', pointer: '' }],
    ['$response.body#/items/0/id', { kind: 'body', pointer: '/items/0/id' }],
    ['$response.body#/a~1b', { kind: 'body', pointer: '/a~1b' }],
    ['$response.fault', { kind: 'fault', pointer: '' }],
    ['$response.fault#/faultCode', { kind: 'fault', pointer: '/faultCode' }],
    ['$inputs.token', { kind: 'token' }],
    ['$response.header.Content-Type', { kind: 'header', name: 'content-type' }],
    ['$inputs.tenant', { kind: 'input', name: 'tenant' }],
    ['$steps.create.outputs.id', { kind: 'output', step: 'create', name: 'id' }],
  ])('%s names something', (text, expected) => {
    expect(parseExpression(text)).toEqual(expected);
  });

  test.each([
    'statusCode',
    '$statusCode ',
    '$response.body#items',
    '$response.body#/a~2',
    '$inputs.password',
    '$inputs.__proto__',
    '$steps.a.b',
    '$steps.a.outputs.',
    '$response.header.',
    '',
  ])('%j names nothing', (text) => {
    expect(parseExpression(text)).toBeUndefined();
  });

  test.each([
    ['$statusCode == 201', { left: { kind: 'status' }, operator: '==', right: { literal: 201 } }],
    ['$statusCode>=200', { left: { kind: 'status' }, operator: '>=', right: { literal: 200 } }],
    [
      "$response.body#/s != 'it''s == so'",
      { left: { kind: 'body', pointer: '/s' }, operator: '!=', right: { literal: "it's == so" } },
    ],
    ['$response.body#/n < -1.5', { left: { kind: 'body', pointer: '/n' }, operator: '<', right: { literal: -1.5 } }],
    ['$response.body#/x == null', { left: { kind: 'body', pointer: '/x' }, operator: '==', right: { literal: null } }],
    [
      '$response.body#/id == $steps.a.outputs.id',
      {
        left: { kind: 'body', pointer: '/id' },
        operator: '==',
        right: { expression: { kind: 'output', step: 'a', name: 'id' } },
      },
    ],
  ])('%s compares', (text, expected) => {
    expect(parseCondition(text)).toEqual(expected);
  });

  test.each([
    '$statusCode',
    '$statusCode = 200',
    '$statusCode == ',
    '200 == $statusCode',
    '$statusCode == two',
    "$statusCode == 'a' && true",
    '$statusCode == 01',
  ])('%j is no comparison', (text) => {
    expect(parseCondition(text)).toBeUndefined();
  });

  it('stand in texts in braces', () => {
    expect(parseTemplate('/a/{$inputs.tenant}/b{$inputs.run}')).toEqual([
      '/a/',
      { kind: 'input', name: 'tenant' },
      '/b',
      { kind: 'input', name: 'run' },
    ]);
    expect(parseTemplate('no {braces} {}')).toEqual(['no {braces} {}']);
    expect(parseTemplate('{$inputs.tenat}')).toBeUndefined();
    expect(parseTemplate('{$inputs.tenant')).toBeUndefined();
  });

  it('are parsed without throwing, and fast for any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 1_000 }), (text) => {
        parseExpression(text);
        parseCondition(`$statusCode ${text}`);
        parseCondition(text);
        parseTemplate(`{$${text}`);
      }),
    );
    const started = performance.now();
    parseCondition(`$response.body#/${'a/'.repeat(500)} == '${"''".repeat(400)}`);
    parseTemplate('{$'.repeat(5_000));
    parseCondition(`${' '.repeat(500)}a${' '.repeat(500)}`);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
