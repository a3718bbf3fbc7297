import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkLinks } from '../kinds/links.ts';
import { parseDocuments } from '../kinds/parse-documents.ts';
import { holdsService, migrationFileProblems, migrationsOf, readService } from './index.ts';
import { DEFAULT_HYPERCARE, DEFAULT_SOAK_MS, MOST_STAGE_MS } from './service.ts';

const SHOP = `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: ["\${node}", "\${dir}/server.mjs"]
  files: [server.mjs]
  health: /healthz
  migrations: migrations
  environments:
    - name: staging
    - name: production
      database:
        url: {variable: SHOP_URL}
        adminUrl: {file: /etc/headgate/shop-admin}
`;

describe('a service', () => {
  test('takes less than twenty lines, and stands for documents that hold together', () => {
    expect(SHOP.trim().split('\n').length).toBeLessThan(20);
    const read = readService(SHOP, 'headgate.yaml');
    if (!read.ok) throw new Error(read.problems[0]?.message);
    const parsed = parseDocuments(read.documents, { file: 'headgate.yaml' });
    if (!parsed.ok) throw new Error(parsed.problems.map((p) => p.message).join('\n'));
    expect(checkLinks(parsed.documents)).toEqual([]);
    expect(parsed.documents.map(({ content }) => `${content.kind} ${content.metadata.name}`)).toEqual([
      'Application shop',
      'Environment staging',
      'Policy shop-staging',
      'Cell shop-staging',
      'Tenant shop',
      'Environment production',
      'Policy shop-production',
      'Cell shop-production',
      'Tenant shop',
      'Calendar shop-always',
      'Verification shop-answers',
    ]);
  });

  test('asks for a person before its last environment, and for the one before it', () => {
    const read = readService(SHOP, 'headgate.yaml');
    const policies = (read.ok ? read.documents.split('\n---\n') : [])
      .map((text) => JSON.parse(text))
      .filter((each) => each.kind === 'Policy')
      .map((each) => each.spec.gates.map((gate: { gate: string }) => gate.gate));
    expect(policies).toEqual([
      ['signature', 'window', 'restore-point'],
      ['signature', 'soaked', 'window', 'approval', 'restore-point'],
    ]);
  });

  const hypercareOf = (text: string) => {
    const read = readService(text, 'headgate.yaml');
    if (!read.ok) throw new Error(read.problems[0]?.message);
    const all = read.documents.split('\n---\n').map((each) => JSON.parse(each));
    return all.filter(({ kind }) => kind === 'Policy').map(({ spec }) => spec.hypercare);
  };

  test('is watched for an hour after a promotion, or as it says, and each environment as that says', () => {
    const hour = [{ name: 'first-hour', durationMs: 3_600_000 }];
    const day = [{ name: 'first-day', durationMs: 86_400_000 }];
    expect(hypercareOf(SHOP)).toEqual([hour, hour]);
    const said = `${SHOP}  hypercare: [{name: first-day, durationMs: 86400000}]\n`;
    expect(hypercareOf(said)).toEqual([day, day]);
    expect(hypercareOf(said.replace('- name: staging', '- {name: staging, hypercare: []}'))).toEqual([[], day]);
  });

  test('what it has by itself is what the page says', async () => {
    const page = await readFile(new URL('../../../../docs/bring-your-own.md', import.meta.url), 'utf8');
    const stages = DEFAULT_HYPERCARE.map((each) => `{name: ${each.name}, durationMs: ${each.durationMs}}`);
    expect(page).toMatch(new RegExp(`^\\| \`soakMs\` \\|.*\\| ${DEFAULT_SOAK_MS.toLocaleString('en')} `, 'm'));
    expect(page).toContain(`| \`[${stages.join(', ')}]\` |`);
    expect(page).toContain(`each of at most ${MOST_STAGE_MS / 86_400_000} days`);
  });

  const wrong: [string, string, RegExp][] = [
    [
      'a watch longer than anybody looks',
      `${SHOP}  hypercare: [{name: ever, durationMs: 9007199254740991}]\n`,
      /:15:\d+ .*whole milliseconds from 1 to 7948800000 \(92 days\)/,
    ],
    ['a URL in the file', SHOP.replace('{variable: SHOP_URL}', 'postgres://a:b@c/d'), /:13:\d+ .*where the URL is/],
    ['an unknown field', SHOP.replace('health:', 'heath:'), /:7:\d+ .*health/],
    ['a path that leaves its folder', SHOP.replace('[server.mjs]', '[../x]'), /:6:\d+ .*without "\.\."/],
    ['two services', `${SHOP}---\n${SHOP}`, /one document of kind Service, found 2/],
  ];
  test.each(wrong)('with %s is refused, with its place', (_what, text, expected) => {
    const read = readService(text, 'headgate.yaml');
    expect(read.ok).toBe(false);
    expect(!read.ok && read.problems.map((p) => p.message).join('\n')).toMatch(expected);
    expect(!read.ok && JSON.stringify(read.problems)).not.toContain('postgres://');
  });

  test('is told from other files', () => {
    expect(holdsService(SHOP, 'x')).toBe(true);
    expect(holdsService('apiVersion: headgate/v1\nkind: Cell\n', 'x')).toBe(false);
    expect(holdsService('[', 'x')).toBe(false);
  });
});

describe('migrations', () => {
  test('are numbered in the order of their names, digits as numbers', () => {
    const found = migrationsOf(['10-b.sql', '9-a.up.sql', '9-a.down.sql', 'README.md', '11-c.contract.sql'], 'expand');
    expect(found).toEqual([
      { id: '9-a', from: 0, to: 1, phase: 'expand', up: '9-a.up.sql', down: '9-a.down.sql', undo: 'keep' },
      { id: '10-b', from: 1, to: 2, phase: 'expand', up: '10-b.sql', undo: 'keep' },
      { id: '11-c.contract', from: 2, to: 3, phase: 'contract', up: '11-c.contract.sql', undo: 'restore' },
    ]);
  });

  test('follow each other without a gap, whatever the files are called, or nothing is made of them', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z0-9-]{1,8}(\.up|\.down)?\.sql$/), { maxLength: 20 }), (names) => {
        if (migrationFileProblems(names).length > 0) {
          expect(() => migrationsOf(names, 'expand')).toThrow();
          return;
        }
        const made = migrationsOf(names, 'expand');
        made.forEach((each, i) => {
          expect([each.from, each.to]).toEqual([i, i + 1]);
        });
        expect(made.flatMap(({ up, down }) => (down === undefined ? [up] : [up, down])).sort()).toEqual(names.sort());
      }),
    );
  });
});
