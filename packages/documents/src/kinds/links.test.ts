import { describe, expect, it, test } from 'vitest';
import { checkLinks } from './links.ts';
import { type AnyDocument, parseDocuments } from './parse-documents.ts';
import { SAMPLE } from './testing/sample.ts';

function documents(text: string): readonly AnyDocument[] {
  const parsed = parseDocuments(text, { file: 'all.yaml' });
  if (!parsed.ok) throw new Error(parsed.problems.map((p) => p.message).join('\n'));
  return parsed.documents;
}

describe('references between documents', () => {
  it('of the sample all hold', () => {
    expect(checkLinks(documents(SAMPLE))).toEqual([]);
  });

  test.each([
    [
      'verification: psa-business',
      'verification: psa-busines',
      'all.yaml:15:17 spec.verification: expected a declared Verification (psa-business), found "psa-busines", did you mean "psa-business"?',
    ],
    ['reconciliation: psa-erp', 'reconciliation: erp', 'expected a declared Reconciliation'],
    [
      'pipeline: [staging, production]',
      'pipeline: [staging, production, moon]',
      'spec.pipeline[2]: expected a declared Environment (staging, production), found "moon"',
    ],
    [
      'pipeline: [staging, production]',
      'pipeline: [production]',
      'metadata.name: expected an environment of the application\'s pipeline (production), found "staging"',
    ],
    ['policy: strict', 'policy: stirct', 'did you mean "strict"?'],
    [
      'calendars: [always], agent',
      'calendars: [never], agent',
      'spec.calendars[0]: expected a declared Calendar (always), found "never"',
    ],
    [
      'application: psa, policy: lax',
      'application: crm, policy: lax',
      'expected a declared Application (psa), found "crm"',
    ],
    ['environment: production\n', 'environment: prod\n', 'spec.environment: expected a declared Environment'],
    [
      'cell: prod-shared, store: main',
      'cell: prod-shard, store: main',
      'spec.cell: expected a declared Cell (prod-shared), found "prod-shard", did you mean "prod-shared"?',
    ],
    [
      'store: main, ring',
      'store: man, ring',
      'spec.store: expected a store of cell prod-shared (main, own), found "man"',
    ],
    [
      'ring: internal}',
      'ring: external}',
      'spec.ring: expected a ring of application psa (internal, broad), found "external"',
    ],
    [
      'ring: broad, calendar: always',
      'ring: broad, calendar: sometimes',
      'spec.calendar: expected a declared Calendar',
    ],
    [
      '{environment: staging, durationMs',
      '{environment: stage, durationMs',
      'spec.gates[5].params.environment: expected a declared Environment',
    ],
    [
      'store: main, ring: internal',
      'store: own, ring: internal',
      'a store of its own, since the tenancy is store-per-tenant, found "own, where umbrella lives"',
    ],
  ])('that say %j as %j are named with file and line', (from, to, words) => {
    if (!SAMPLE.includes(from)) throw new Error(`the sample has no ${from}`);
    const problems = checkLinks(documents(SAMPLE.replace(from, to)));
    expect(problems.map((p) => p.message).join('\n')).toContain(words);
  });

  it('may point to what was declared before, and what is declared anew replaces it', () => {
    const all = documents(SAMPLE);
    const tenants = all.filter((d) => d.content.kind === 'Tenant');
    expect(checkLinks(tenants).map((p) => p.message)).toContain(
      'all.yaml:41:14 spec.cell: expected a declared Cell (there is none), found "prod-shared"',
    );
    expect(
      checkLinks(
        tenants,
        all.map((d) => d.content),
      ),
    ).toEqual([]);
  });

  it('a ring goes when nobody is in it any more, and not before', () => {
    const all = documents(SAMPLE).map((d) => d.content);
    const without = SAMPLE.replace('    - {name: internal, soakMs: 2000}\n', '');
    const [application, ...others] = documents(without);
    const problems = checkLinks([application as AnyDocument], all).map((p) => p.message);
    expect(problems).toEqual([
      expect.stringMatching(
        /spec\.rings: expected ring internal among them, which tenants are in: prod-shared\/acme \(or .*\), found "broad"/,
      ),
    ]);
    const moved = documents(SAMPLE.replace('ring: internal}', 'ring: broad}'));
    const acme = moved.find(({ content }) => content.metadata.name === 'acme') as AnyDocument;
    expect(checkLinks([application as AnyDocument, acme], all)).toEqual([]);
    // Another application's tenants are nobody's business here.
    const elsewhere = all.map((c) => (c.kind === 'Cell' ? { ...c, spec: { ...c.spec, environment: 'other' } } : c));
    expect(others.length).toBeGreaterThan(0);
    expect(checkLinks([application as AnyDocument], elsewhere)).toEqual([]);
  });

  it('of many tenants whose ring goes a handful is named', () => {
    const all = documents(SAMPLE).map((d) => d.content);
    const acme = all.find((c) => c.kind === 'Tenant' && c.metadata.name === 'acme')!;
    const many = Array.from({ length: 40 }, (_, i) => ({ ...acme, metadata: { ...acme.metadata, name: `t${i}` } }));
    const [application] = documents(SAMPLE.replace('    - {name: internal, soakMs: 2000}\n', ''));
    const [problem] = checkLinks([application as AnyDocument], [...all, ...many] as typeof all);
    expect(problem?.message).toContain('prod-shared/t3 and 36 more');
  });
});
