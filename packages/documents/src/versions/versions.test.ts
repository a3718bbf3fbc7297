import { API_VERSION } from '@headgate/domain';
import { expect, test } from 'vitest';
import { digestOfJson } from '../digest.ts';
import { parseDocuments, readDocument } from '../kinds/parse-documents.ts';
import { migrateText } from './migrate-text.ts';

const OLD = `# Where customers are
apiVersion: headgate/v1alpha1
kind: Cell
metadata: {name: live, owner: team-shop} # the shop's own
spec:
  environment: production
  slots: [blue, green]
  # One store for all of them.
  stores:
    - main # the big one
    - other
---
apiVersion: headgate/v1alpha1
kind: Environment
metadata: {name: production, owner: team-shop}
spec:
  application: shop
  policy: careful
  calendar: always # until month-end closes it
  agent: agt-shop
`;

const documents = (text: string) => {
  const read = parseDocuments(text, { file: 'old.yaml' });
  if (!read.ok) throw new Error(read.problems[0]?.message);
  return read.documents.map(({ content }) => content);
};

test('documents of an older form are read as what they mean today', () => {
  expect(documents(OLD)).toMatchObject([
    { apiVersion: API_VERSION, kind: 'Cell', spec: { stores: [{ name: 'main' }, { name: 'other' }] } },
    { apiVersion: API_VERSION, kind: 'Environment', spec: { calendars: ['always'] } },
  ]);
  expect(documents(OLD.replace(/ {2}calendar:.*\n/, ''))[1]).toMatchObject({ spec: { calendars: [] } });
});

test('a stored document is read in its older form, and its digest is that of what was stored', () => {
  const stored = { apiVersion: 'headgate/v1alpha1', kind: 'Cell', metadata: { name: 'live', owner: 'a' } };
  const value = { ...stored, spec: { environment: 'production', slots: ['blue', 'green'], stores: ['main'] } };
  const before = digestOfJson(value);
  expect(readDocument(value, 'Cell')).toMatchObject({ ok: true, content: { spec: { stores: [{ name: 'main' }] } } });
  expect(digestOfJson(value)).toBe(before);
});

test('what is wrong in an older form is found where it stands', () => {
  const read = parseDocuments(OLD.replace('- other', '- Other!'), { file: 'old.yaml' });
  expect(read).toMatchObject({ ok: false, problems: [{ line: 11, pointer: 'spec.stores[1].name' }] });
});

test('a newer form is refused with words, and so is one of nobody', () => {
  for (const version of ['headgate/v2', 'headgate/v1beta9']) {
    const text = OLD.replace('headgate/v1alpha1', version);
    const read = parseDocuments(text, { file: 'new.yaml' });
    expect(read).toMatchObject({ ok: false, problems: [{ line: 2, pointer: 'apiVersion' }] });
    if (!read.ok) expect(read.problems[0]?.message).toMatch(/another Headgate, perhaps a newer one/);
    expect(migrateText(text, 'new.yaml')).toMatchObject({ ok: false, problems: [{ line: 2 }] });
  }
});

test('a file is rewritten with its comments, means the same, and is left alone from then on', () => {
  const migrated = migrateText(OLD, 'old.yaml');
  if (!migrated.ok) throw new Error('refused');
  expect(migrated.changes).toEqual([
    'line 2: apiVersion',
    'line 2: stores are mappings with a name, since each may have a tenancy of its own',
    'line 13: apiVersion',
    'line 13: an environment has a list of calendars instead of at most one',
  ]);
  for (const comment of ['# Where customers are', '# the shop', '# One store for all', '# the big one'])
    expect(migrated.text).toContain(comment);
  expect(migrated.text).not.toContain('v1alpha1');
  expect(documents(migrated.text)).toEqual(documents(OLD));
  expect(migrateText(migrated.text, 'old.yaml')).toEqual({ ok: true, text: migrated.text, changes: [] });
});
