import type { AnyContent } from '@headgate/documents/kinds/catalog';
import { parseDocuments } from '@headgate/documents/kinds/parse-documents';
import { expect, test } from 'vitest';
import { exampleDocuments } from './documents.ts';
import { EXAMPLE_CELLS } from './tenants.ts';

const parsed = exampleDocuments().map(({ file, text }) => parseDocuments(text, { file }));
const all: AnyContent[] = parsed.flatMap((each) => (each.ok ? each.documents.map((document) => document.content) : []));
const ofKind = <K extends AnyContent['kind']>(kind: K) =>
  all.filter((each): each is Extract<AnyContent, { kind: K }> => each.kind === kind);

test('every document is in order', () => {
  expect(parsed.flatMap((each) => (each.ok ? [] : each.problems))).toEqual([]);
});

test('what is declared is what is brought up', () => {
  expect(ofKind('Cell').map((cell) => cell.metadata.name)).toEqual(EXAMPLE_CELLS.map((cell) => cell.cell));
  for (const { cell, store, environment, tenants } of EXAMPLE_CELLS) {
    const declared = ofKind('Cell').find((each) => each.metadata.name === cell)!;
    expect(declared.spec).toMatchObject({ environment, stores: [{ name: store }] });
    const living = ofKind('Tenant').filter((each) => each.spec.cell === cell);
    expect(living.map(({ metadata, spec }) => [metadata.name, spec.store, spec.ring])).toEqual(
      tenants.map(({ id, ring }) => [id, store, ring]),
    );
  }
});

test('every name that a document gives stands in another one', () => {
  const names = (kind: AnyContent['kind']): string[] => ofKind(kind).map((each) => each.metadata.name);
  const { spec } = ofKind('Application')[0]!;
  expect(names('Environment')).toEqual(spec.pipeline);
  expect(names('Verification')).toEqual([spec.verification]);
  expect(names('Reconciliation')).toEqual([spec.reconciliation]);
  for (const environment of ofKind('Environment')) {
    expect(names('Policy')).toContain(environment.spec.policy);
    for (const calendar of environment.spec.calendars) expect(names('Calendar')).toContain(calendar);
  }
  for (const tenant of ofKind('Tenant')) expect(spec.rings.map((ring) => ring.name)).toContain(tenant.spec.ring);
});
