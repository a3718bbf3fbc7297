import type { Delivery, DeliveryKind } from '@headgate/domain';
import { AUDIENCES, HAPPENINGS } from '@headgate/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escaped, renderDelivery, templateTrouble } from './render.ts';
import { sampleDelivery } from './sample.ts';
import { shippedTemplate } from './templates.ts';

const ABOUTS: readonly DeliveryKind[] = [...HAPPENINGS, 'digest', 'test'];
const all = AUDIENCES.flatMap((audience) => ABOUTS.map((about) => [audience, about] as const));

function withWords(delivery: Delivery, words: string): Delivery {
  return {
    ...delivery,
    items: delivery.items.map((item) => ({ ...item, words, application: words, tenants: [words] })),
  };
}

describe('the shipped words', () => {
  test.each(all)('for %s when %s are sound, whole, and one line in the subject', (audience, about) => {
    const { subject, text } = shippedTemplate(audience, about);
    expect([templateTrouble(subject), templateTrouble(text)]).toEqual([undefined, undefined]);
    const said = renderDelivery(sampleDelivery('r', audience, about, 0), {}, 'plain');
    expect(said.subject).toMatch(/^[^\n]{5,}$/);
    expect(said.text.length).toBeGreaterThan(10);
    expect(said.subject + said.text).not.toMatch(/undefined|\{|\}|\[object/);
  });

  test.each(HAPPENINGS)('for customers when %s know no ids, waves and reasons', (about) => {
    const { subject, text } = renderDelivery(sampleDelivery('r', 'customers', about, 0), {}, 'plain');
    expect(subject + text).not.toMatch(/prm_|wave|cell|live|words|production/);
  });

  test('of many things that were gathered name the first and count the rest', () => {
    const one = sampleDelivery('r', 'team', 'waiting', 0);
    const many = { ...one, items: [...one.items, { ...one.items[0]!, cell: 'other' }], count: 500 };
    const { text } = renderDelivery(many, {}, 'plain');
    expect(text).toContain('(other)');
    expect(text).toContain('and 498 more');
  });
});

test('whatever a value says, it adds no line, no header and no markup', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom(
      '{{{x}}}',
      '{{>y}}',
      '<img src=x onerror=1>',
      '"\'&',
      '<!here>',
      '\r\nBcc: x',
      '\u202e',
      '\u2028',
      '__proto__',
    ),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      fc.array(nasty, { minLength: 1, maxLength: 4 }),
      ([audience, about], parts) => {
        const words = parts.join('');
        const plainly = renderDelivery(withWords(sampleDelivery('r', audience, about, 0), 'word'), {}, 'html');
        const given = withWords(sampleDelivery('r', audience, about, 0), words);
        const html = renderDelivery(given, {}, 'html');
        expect(html.text.split('\n').length).toBe(plainly.text.split('\n').length);
        expect(html.text).not.toMatch(/[<>]/);
        expect(html.subject).not.toMatch(/[\r\n\u2028\u202e]/);
        expect(renderDelivery(given, {}, 'chat').text).not.toMatch(/[<>]|\u202e/);
      },
    ),
  );
});

describe('a template of one’s own', () => {
  test.each([
    '{{application}}',
    '{{#others}}{{words}}{{/others}}',
    'nothing',
    '{{^promoted}}no{{/promoted}}{{! a note }}',
  ])('may say %s', (text) => expect(templateTrouble(text)).toBeUndefined());
  test.each([
    '{{{words}}}',
    '{{&words}}',
    '{{>other}}',
    '{{#open}}',
    '{{=<% %>=}}',
    '{{words',
    '{{passwords}}',
    '{{#a}}{{{b}}}{{/a}}',
    '{{a}}'.repeat(300),
  ])('may not say %s', (text) => expect(templateTrouble(text)).toBeTypeOf('string'));

  test('reaches nothing but its values', () => {
    const text = '{{constructor}}{{__proto__}}{{toString}}{{constructor.constructor}}{{items}}{{application.length}}';
    const said = renderDelivery(
      sampleDelivery('r', 'team', 'started', 0),
      { started: { subject: 's', text } },
      'plain',
    );
    expect(said.text).not.toMatch(/function|native|object/i);
  });
});

test('a value is one line in every dress', () => {
  expect(escaped('a\r\n\tb\u0000c\u2066', 'plain')).toBe('a b c ');
  for (const unseen of ['\u034F', '\uFE01', '\u{E0101}', '\u17B4', '\u180B', '\u2800', '\u200D', '\u3164'])
    expect(escaped(`pro${unseen}duction`, 'plain'), JSON.stringify(unseen)).toBe('pro duction');
  for (const emoji of ['👩\u200D🔧', '❤\uFE0F', '1\uFE0F\u20E3', '🏳\uFE0F\u200D🌈', '👩🏽\u200D🔧'])
    expect(escaped(emoji, 'plain')).toBe(emoji);
});
