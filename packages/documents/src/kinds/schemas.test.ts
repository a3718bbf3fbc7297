import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { KIND_NAMES } from './catalog.ts';
import { documentSchemas } from './schemas.ts';

const folder = new URL('../../schemas/', import.meta.url);
const schemas = documentSchemas();

describe('JSON Schemas', () => {
  it('are there for every kind that people write, and for no other', () => {
    expect(Object.keys(schemas)).toEqual([...KIND_NAMES, 'Trust', 'Release']);
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(schemas)
        .map((kind) => `${kind.toLowerCase()}.json`)
        .sort(),
    );
  });

  test.each(Object.keys(schemas))('of %s are checked in as they are (else run write-schemas.ts)', (kind) => {
    expect(JSON.parse(readFileSync(new URL(`${kind.toLowerCase()}.json`, folder), 'utf8'))).toEqual(schemas[kind]);
  });
});
