import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '../fields.ts';
import { Problem } from '../problem.ts';

const refused = (name: string) => (error: unknown) =>
  error instanceof Problem && error.status === 400 && error.message.includes(name);

test('reads what is as expected', () => {
  const fields = new Fields({ name: 'n', minutes: 5, day: '2024-02-29' }).only('name', 'minutes', 'day');
  assert.equal(fields.text('name', 10), 'n');
  assert.equal(fields.integer('minutes', 1, 10), 5);
  assert.equal(fields.day('day'), '2024-02-29');
  assert.equal(fields.optionalText('note', 10), undefined);
});

test('refuses a field that nobody knows, by its name', () => {
  assert.throws(() => new Fields({ naem: 'n' }).only('name'), refused('"naem"'));
});

test('refuses days that do not exist', () => {
  for (const day of ['2023-02-29', '2024-2-1', 'today', '', 20240201]) {
    assert.throws(() => new Fields({ day }).day('day'), refused('"day"'), String(day));
  }
});

test('refuses numbers that are no whole numbers in their range', () => {
  for (const minutes of [0, 1441, 1.5, '60', null, Number.NaN]) {
    assert.throws(() => new Fields({ minutes }).integer('minutes', 1, 1440), refused('"minutes"'), String(minutes));
  }
});
