import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocuments } from '../kinds/parse-documents.ts';
import { applicationSpec } from '../kinds/to-domain.ts';
import { checkManifest } from '../trust/manifest.ts';
import { readService, serviceRelease } from './index.ts';

const OPERATIONS = `  operations:
    - name: post-invoice
      says: Invoices can’t be posted at the moment.
      requests:
        - {methods: [POST], path: /invoices/*/post}
`;
const shop = (operations = OPERATIONS) => `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: [node]
  files: [server.mjs]
  health: /healthz
  migrations: migrations
  environments: [{name: production}]
${operations}`;
const read = (text: string) => {
  const answer = readService(text, 'headgate.yaml');
  if (!answer.ok) throw new Error(answer.problems.map(({ message }) => message).join('\n'));
  return answer;
};

describe('operations of a service', () => {
  test('stand in its Application, where the planner finds them', () => {
    const parsed = parseDocuments(read(shop()).documents, { file: 'headgate.yaml' });
    if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
    const application = parsed.documents.find(({ content }) => content.kind === 'Application')!.content;
    const spec = applicationSpec(application as never, () => `sha256:${'0'.repeat(64)}`);
    expect(spec.operations).toEqual([
      {
        name: 'post-invoice',
        says: 'Invoices can’t be posted at the moment.',
        requests: [{ methods: ['POST'], path: '/invoices/*/post' }],
      },
    ]);
  });

  test.each([
    ['/invoices/(a+)+$/post', '/invoices/*/post', true],
    ['/invoices/**/post', 'path', false],
    ['/invoices/../x', 'path', false],
    ['invoices', 'path', false],
    ['"/a?b"', 'path', false],
    ['"/a%2Fb"', 'path', false],
    [`/${'a'.repeat(300)}`, 'path', false],
  ])('have paths without patterns that could run away: %s', (path, _what, may) => {
    // Characters that mean something to an expression elsewhere are letters here.
    const text = shop(OPERATIONS.replace('/invoices/*/post', path.startsWith('"') ? path : `"${path}"`));
    expect(readService(text, 'headgate.yaml').ok).toBe(may);
  });

  test.each([
    ['methods: [POST]', 'methods: [TRACE]'],
    ['methods: [POST]', 'methods: []'],
    ['methods: [POST]', 'methods: [POST, POST]'],
    ['says: Invoices can’t be posted at the moment.', 'says: ""'],
    ['says: Invoices can’t be posted at the moment.', 'says: "two\\nlines"'],
    ['says: Invoices can’t be posted at the moment.', `says: ${'a'.repeat(301)}`],
    ['name: post-invoice', 'name: Post Invoice'],
    ['      requests:\n        - {methods: [POST], path: /invoices/*/post}\n', '      requests: []\n'],
  ])('are refused where %j is %j', (from, to) => {
    expect(OPERATIONS).toContain(from);
    expect(readService(shop(OPERATIONS.replace(from, to)), 'headgate.yaml').ok).toBe(false);
  });

  test('are declared once by a name, and fifty at most', () => {
    expect(readService(shop(OPERATIONS + OPERATIONS.split('\n').slice(1).join('\n')), 'headgate.yaml').ok).toBe(false);
    const one = (i: number) => OPERATIONS.split('\n').slice(1).join('\n').replace('post-invoice', `post-${i}`);
    const many = (count: number) => `  operations:\n${Array.from({ length: count }, (_, i) => one(i)).join('')}`;
    expect([50, 51].map((count) => readService(shop(many(count)), 'headgate.yaml').ok)).toEqual([true, false]);
  });
});

describe('a migration of a service says in its file what it closes', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-closes-'));
    await mkdir(join(dir, 'migrations'));
    await writeFile(join(dir, 'server.mjs'), '');
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const release = async (sql: string) => {
    await writeFile(join(dir, 'migrations/0001-a.sql'), sql);
    return serviceRelease(read(shop()).service, dir, { version: '1.0.0', authors: ['usr_a'], origin: 'built' });
  };

  test('and its manifest names it', async () => {
    const { manifest } = await release('-- headgate:closes post-invoice\nselect 1;\n');
    expect(manifest.migrations[0]?.closes).toEqual(['post-invoice']);
    expect((await release('select 1; -- closes nothing\n')).manifest.migrations[0]).not.toHaveProperty('closes');
  });

  test('also behind the mark with which some editors begin a file, which is run without it', async () => {
    const { manifest } = await release('\ufeff-- headgate:closes post-invoice\nselect 1;\n');
    expect(manifest.migrations[0]?.closes).toEqual(['post-invoice']);
  });

  test('a name that isn’t declared is refused with the nearest one, and none with how it is said', async () => {
    await expect(release('-- headgate:closes post-invoce\n')).rejects.toThrow('did you mean "post-invoice"?');
    await expect(release('-- headgate:closes\n')).rejects.toThrow('-- headgate:closes post-invoice');
  });

  test.each([
    [
      '-- headgate:close post-invoice\nselect 1;\n',
      /0001-a\.sql:1 says headgate:close, .*did you mean "closes"\?; .*headgate:lossy/,
    ],
    [
      'select 1;\n  # headgate:no-transactions\n',
      /:2 says headgate:no-transactions, .*did you mean "no-transaction"\?/,
    ],
    ['-- headgate:window sunday\n', /says headgate:window, which means nothing; a migration says/],
    ['-- headgate: closes post-invoice\n', /says headgate: closes where nobody reads it; .*`-- headgate:closes …`/],
    ['select 1; -- headgate:closes post-invoice\n', /says headgate:closes where nobody reads it/],
    ['/* headgate:closes post-invoice */\n', /says headgate:closes where nobody reads it/],
    [
      'select 1;\n-- headgate:no-transaction\n',
      /:2 says headgate:no-transaction where nobody reads it; .* before the first statement/,
    ],
    ['vacuum invoice; -- headgate:no-transaction\n', /says headgate:no-transaction where nobody reads it/],
    ['/*\n-- headgate:no-transaction\n*/\nvacuum invoice;\n', /:2 says headgate:no-transaction where nobody/],
    ['-- headgate:no-transaction, please\nvacuum invoice;\n', /says headgate:no-transaction where nobody reads it/],
    ['# headgate:no-transaction\nvacuum invoice;\n', /says headgate:no-transaction where nobody reads it/],
    ['\f-- headgate:closes post-invoice\n', /says headgate:closes where nobody reads it/],
  ])('%j is refused: nobody would hear that it does nothing', async (sql, why) => {
    await expect(release(sql)).rejects.toThrow(why);
    await writeFile(join(dir, 'migrations/0001-a.down.sql'), sql);
    await expect(release('select 1;\n')).rejects.toThrow(/0001-a\.down\.sql/);
    await rm(join(dir, 'migrations/0001-a.down.sql'));
  });

  test.each([
    '-- headgate:no-transaction\ncreate index concurrently on invoice (id);\n',
    '\n-- why\n/* and more */\n  --headgate:no-transaction  \r\nvacuum invoice;\n',
    '-- Headgate: runs this at night\n-- see headgate:closes\nselect 1;\n',
    'select a # headgate:window from (values (1, 2)) of (a, b);\n',
  ])('%j is taken: what it says is read, or isn’t said to Headgate', async (sql) => {
    expect((await release(sql)).manifest.migrations[0]?.up.size).toBe(sql.length);
  });

  test('and what it activates stands in the manifest, by the names of operations and migrations that there are', async () => {
    await writeFile(join(dir, 'migrations/0001-a.sql'), 'select 1;\n');
    const made = (activates: string, origin: 'built' | 'adopted' = 'built') =>
      serviceRelease(read(shop(`${OPERATIONS}  activates: [${activates}]\n`)).service, dir, {
        ...{ version: '1.0.0', authors: ['usr_a'], origin },
      });
    const { manifest } = await made('{operation: post-invoice, because: it is sent, writes: [0001-a]}');
    expect(manifest.activates).toEqual([{ operation: 'post-invoice', because: 'it is sent', writes: ['0001-a'] }]);
    expect(checkManifest(manifest)).toMatchObject({ ok: true });
    // What runs already when it is taken up brings nothing, though the file says what the next release does.
    const baseline = await made('{operation: post-invoice, because: it is sent, writes: [0002-b]}', 'adopted');
    expect(baseline.manifest).not.toHaveProperty('activates');
    const [activation] = manifest.activates!;
    const strange = { ...manifest, activates: [{ ...activation!, writes: ['0001-b'] }] };
    expect(checkManifest(strange)).toMatchObject({ ok: false, why: expect.stringContaining('did you mean "0001-a"?') });
    await expect(made('{operation: post-invoce, because: it is sent}')).rejects.toThrow('did you mean "post-invoice"?');
  });
});
