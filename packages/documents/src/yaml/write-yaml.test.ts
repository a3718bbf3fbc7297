import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDocuments } from '../kinds/parse-documents.ts';
import { SAMPLE } from '../kinds/testing/sample.ts';
import { placeOfUnkept } from '../words/unkept.ts';
import { readYaml } from './read-yaml.ts';
import { documentYaml } from './write-yaml.ts';

test('a document of every kind is written as a text that is the same document', () => {
  const parsed = parseDocuments(SAMPLE, { file: 'sample.yaml' });
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
  for (const { content, digest } of parsed.documents) {
    const again = parseDocuments(documentYaml(content), { file: 'again.yaml' });
    expect(again.ok && again.documents.map((each) => each.digest)).toEqual([digest]);
  }
});

test('whatever a text holds, it is read as it was', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r', 'a', '#', ':', '-', '|') }),
    fc.integer(),
    fc.boolean(),
    fc.constant('2026-12-31'),
    fc.constant('no'),
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.array(value, { maxLength: 5 }), { maxKeys: 5 }),
      (spec) => {
        const content = { apiVersion: 'headgate/v1', kind: 'X', metadata: { name: 'x', owner: 'o' }, spec };
        // What no text can keep is refused by who reads it.
        fc.pre(placeOfUnkept(content) === undefined);
        const text = documentYaml(content);
        fc.pre(!text.includes('\ufffd'));
        const read = readYaml(text, 'x.yaml');
        expect(read.ok && read.documents.map((each) => each.value)).toEqual([content]);
      },
    ),
  );
});
