/** `docs/bring-your-own.md`, held against what is taken: who copies from it has a Service that works, and gates in their recommended form. */
import { readFile } from 'node:fs/promises';
import { GATES } from '@headgate/domain/gates/catalog';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseDocuments } from '../kinds/parse-documents.ts';
import { readService } from './index.ts';

const PAGE = await readFile(new URL('../../../../docs/bring-your-own.md', import.meta.url), 'utf8');
const BASE = { run: ['${node}'], files: ['server.mjs'], health: '/healthz', migrations: 'migrations' };

interface Spec {
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly gates?: readonly { readonly gate: string; readonly params?: Readonly<Record<string, unknown>> }[];
  };
}

const specs = [...PAGE.matchAll(/^```yaml\n(spec:\n[^`]*)^```$/gm)].map(
  ([, text]) => parse(text!.replace('sha256:…', `sha256:${'a'.repeat(64)}`)) as Spec,
);

test('what it shows of a Service is taken as it stands', () => {
  expect(specs.length).toBeGreaterThanOrEqual(2);
  for (const { spec } of specs) {
    const metadata = { name: 'shop', owner: 'team-shop' };
    const text = stringify({ apiVersion: 'headgate/v1', kind: 'Service', metadata, spec: { ...BASE, ...spec } });
    const read = readService(text, 'headgate.yaml');
    expect(read.ok ? [] : read.problems.map(({ message }) => message)).toEqual([]);
    const parsed = parseDocuments(read.ok ? read.documents : '', { file: 'headgate.yaml' });
    expect(parsed.ok ? [] : parsed.problems.map(({ message }) => message)).toEqual([]);
  }
});

test('it suggests an analysis by the sizes of a database that it names, and says what the parameter does', () => {
  const analysed = specs.flatMap(({ spec }) => spec.gates ?? []).filter(({ gate }) => gate === 'migrations-analysed');
  expect(analysed.length).toBeGreaterThan(0);
  for (const { params } of analysed) expect(params).toHaveProperty('catalogue');
  expect(PAGE).toMatch(/^`catalogue` says with whose schema and sizes/m);
});

test('gates that it names are gates', () => {
  const named = [...PAGE.matchAll(/(?:the gates?|its gate) `([a-z-]+)`/g)].map(([, name]) => name);
  const known = [...GATES.map(({ name }) => name), 'policy'];
  expect(named.filter((name) => !known.includes(name!))).toEqual([]);
  expect(named.length).toBeGreaterThan(3);
});

test('the Verification that it shows is taken as it stands', () => {
  const shown = [...PAGE.matchAll(/^```yaml\n---\n([^`]*kind: Verification\n[^`]*)^```$/gm)].map(([, text]) => text!);
  expect(shown).toHaveLength(1);
  const parsed = parseDocuments(shown[0]!, { file: 'headgate.yaml' });
  expect(parsed.ok ? [] : parsed.problems.map(({ message }) => message)).toEqual([]);
});
