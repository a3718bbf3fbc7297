import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edition } from '../edition.ts';

test('it runs on the schema before and after the next expansion', () => {
  assert.deepEqual(edition.schemaRange, { min: 1, max: 2 });
});
