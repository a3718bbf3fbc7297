/** What is declared, who declared it, and what changed: against a real server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfJson } from '@headgate/documents';
import { RealServer } from '@headgate/server/testing/real-server';
import { DOCUMENTS, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let folder: string;

const headgate = (...args: string[]) => ranCommand(args, { env: { HEADGATE_DATA: server.dataDir }, cwd: folder });
const json = (out: string) => JSON.parse(out.trim().split('\n').at(-1) ?? '');
const digestOf = async (reference: string) =>
  json((await headgate('document', 'show', reference, '--json')).out).digest;

/** The policy of production asks for so many approvals, in a file of its own. */
async function asks(count: number): Promise<string> {
  const [policy = ''] = DOCUMENTS.split('---\n').filter((text) => text.includes('name: careful'));
  await writeFile(join(folder, 'policy.yaml'), policy.replace('params: {count: 1}', `params: {count: ${count}}`));
  expect(await headgate('--as', 'release-manager', 'apply', '-f', 'policy.yaml')).toMatchObject({ code: 0 });
  return digestOf('Policy/careful');
}

beforeAll(async () => {
  server = await RealServer.start();
  await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-document-'));
}, 60_000);
afterAll(async () => {
  await server?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test('all that is declared is listed, of one kind if it is asked for, and no more than is asked for', async () => {
  const { out } = await headgate('document', 'list');
  expect(out).toMatch(/^KIND +NAME +OWNER +DIGEST\nApplication +shop +team-shop +[0-9a-f]{12}\n/);
  expect(out.trim().split('\n')).toHaveLength(9);
  const policies = await headgate('document', 'list', '--kind', 'policy');
  expect(policies.out).toMatch(/Policy +careful .*\nPolicy +free /);
  expect(json((await headgate('document', 'list', '--limit', '3', '--json')).out).items).toHaveLength(3);
});

test('one is shown with its digest, who declared it and when, as YAML that apply takes again', async () => {
  const shown = await headgate('document', 'show', 'Policy', 'careful');
  expect(shown.code).toBe(0);
  const digest = await digestOf('Policy/careful');
  expect(shown.out).toMatch(
    new RegExp(
      `^# Policy/careful, of team-shop\n# digest    ${digest}\n# declared  by usr_release-manager at \\d{4}-\\S+Z\napiVersion: headgate/v1\nkind: Policy\nmetadata:\n  name: careful\n  owner: team-shop\nspec:\n  gates:\n    - gate: signature\n      at: promotion\n`,
    ),
  );
  await writeFile(join(folder, 'again.yaml'), shown.out);
  const again = await headgate('--as', 'release-manager', 'apply', '-f', 'again.yaml', '--json');
  expect(json(again.out).applied).toEqual([{ kind: 'Policy', name: 'careful', digest, change: 'unchanged' }]);
  expect((await headgate('document', 'show', 'policy/careful')).out).toBe(shown.out);
});

describe('once it was declared otherwise', () => {
  let [before, now] = ['', ''];
  beforeAll(async () => {
    before = await digestOf('Policy/careful');
    now = await asks(2);
  });

  test('it says what it was before, by whom and when, and how to see what changed', async () => {
    const { out } = await headgate('document', 'show', 'Policy/careful');
    expect(out).toMatch(
      new RegExp(
        `# before    ${before} by usr_release-manager at \\S+Z\n# what changed: headgate document diff Policy/careful\n`,
      ),
    );
    const [, command = ''] = /# what changed: headgate (.*)/.exec(out) ?? [];
    expect((await headgate(...command.split(' '))).out).toContain('-         count: 1\n+         count: 2\n');
  });

  test('it is shown by the digest of before, too, and compared with what it is now', async () => {
    expect((await headgate('document', 'show', before)).out).toMatch(
      /^# Policy\/careful, of team-shop\n# digest {4}sha256:\w+\napiVersion/,
    );
    const { code, out } = await headgate('document', 'diff', before, now);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^--- Policy/careful ${before}\n\\+\\+\\+ Policy/careful ${now}\n`));
    expect(out.split('\n').filter((line) => /^[-+] /.test(line))).toEqual(['-         count: 1', '+         count: 2']);
    const { lines } = json((await headgate('document', 'diff', before, now, '--json')).out);
    expect(lines.filter(({ op }: { op: string }) => op !== ' ')).toHaveLength(2);
    expect((await headgate('document', 'diff', now, 'Policy/careful')).out).toMatch(/nothing: they are the same\n$/);
  });

  test('what it was two times before stands in its history, the newest first', async () => {
    const third = await asks(3);
    expect(await asks(2)).toBe(now);
    const { history } = json((await headgate('document', 'show', 'Policy/careful', '--json')).out);
    expect(history.map(({ digest }: { digest: string }) => digest)).toEqual([now, third, now, before]);
  });
});

test.each<[readonly string[], number, RegExp]>([
  [
    ['show', 'Policy/careless'],
    3,
    /no Policy is declared as careless\n {2}to unblock: see: headgate document list --kind Policy/,
  ],
  [['show', 'Polcy/careful'], 2, /no kind of documents is called Polcy, did you mean "Policy"\?/],
  [['show', 'careful'], 2, /careful is neither KIND\/NAME nor a whole digest/],
  [['show', digestOfJson('nothing')], 3, /was ever declared at this server/],
  [
    ['show', 'sha256:0123456789ab'],
    3,
    /no declared document's digest begins with sha256:0123456789ab\n {2}to unblock: name it KIND/,
  ],
  [['list', '--kind', 'x'], 2, /one of Application, /],
  [['diff', 'Policy/free'], 3, /Policy\/free was never declared otherwise/],
])('%j says what is wrong and where to look', async (args, code, expected) => {
  expect(await headgate('document', ...args)).toEqual({ code, out: expect.stringMatching(expected) });
});

test('the digits that the list shows name a document', async () => {
  const listed = await headgate('document', 'list', '--kind', 'Policy');
  const [, digits] = /careful +\S+ +(?:sha256:)?([0-9a-f]{12})/.exec(listed.out)!;
  expect(await headgate('document', 'show', digits!)).toEqual({
    code: 0,
    out: expect.stringContaining('name: careful'),
  });
});

test('bytes that are no document aren’t shown as one', async () => {
  const developer = await server.client('developer');
  const bytes = Buffer.from('{"kind":"Policy"}');
  const digest = digestOfJson({ kind: 'Policy' });
  await developer.call('putBlob', { digest, body: bytes });
  expect(await headgate('document', 'show', digest)).toEqual({
    code: 3,
    out: expect.stringContaining('is no document'),
  });
});

describe('a waiver in a policy', () => {
  const FILE = `sha256:${'a'.repeat(64)}`;
  const gate = (until: string) =>
    `{gate: migrations-analysed, params: {maxAgeMs: 1000, longestStallMs: 1000, waivers: [{file: '${FILE}', rule: destroys-data, because: archived, until: ${until}}]}}`;
  const SERVICE = (until: string) => `apiVersion: headgate/v1
kind: Service
metadata: {name: blog, owner: team-shop}
spec:
  run: ["\${node}", "\${dir}/web.mjs"]
  files: [web.mjs]
  health: /healthz
  environments:
    - name: blog-production
      gates: [${gate(until)}]
`;
  const POLICY = (until: string) => `apiVersion: headgate/v1
kind: Policy
metadata: {name: waiving, owner: team-shop}
spec:
  gates: [${gate(until)}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;
  const apply = async (text: string, ...more: string[]) => {
    await writeFile(join(folder, 'waiving.yaml'), text);
    return headgate('--as', 'release-manager', 'apply', '-f', 'waiving.yaml', ...more);
  };

  test.each([
    [
      'a Policy',
      POLICY,
      /waiving\.yaml:5:\d+ spec\.gates\[0\]\.params\.waivers\[0\]\.until: expected the waiver’s last day/,
    ],
    [
      'a Service',
      SERVICE,
      /waiving\.yaml:10:\d+ spec\.environments\[0\]\.gates\[0\]\.params\.waivers\[0\]\.until: expected the waiver’s last day/,
    ],
  ])(
    'of %s that ends on no day is refused with its line, tried and in earnest, and nothing is declared',
    async (_what, text, expected) => {
      for (const more of [['--dry-run'], []])
        expect(await apply(text('2027-02-31'), ...more)).toEqual({ code: 1, out: expect.stringMatching(expected) });
      expect((await headgate('document', 'show', 'Policy/waiving')).code).toBe(3);
      expect((await headgate('document', 'show', 'Policy/blog-production')).code).toBe(3);
    },
  );

  test('that has ended is taken, and told', async () => {
    const warning = `Policy waiving: the waiver of destroys-data for ${FILE} ended (until: 2020-01-31), and waives nothing any more: take it out, or give it a later end`;
    for (const more of [['--dry-run'], []]) {
      const { code, out } = await apply(POLICY('2020-01-31'), ...more);
      expect([code, out]).toEqual([0, expect.stringContaining(`\nwarning: ${warning}\n`)]);
    }
    expect(json((await apply(POLICY('2020-01-31'), '--json')).out).warnings).toEqual([warning]);
    const good = await apply(POLICY('2999-01-31'));
    expect([good.code, good.out]).toEqual([0, expect.not.stringContaining('warning')]);
  });

  test('with several things wrong is told a line for each', async () => {
    const wrong = SERVICE('soon').replace(FILE, 'sha256:12').replace('rule: destroys-data', 'rule: x');
    const { out } = await apply(wrong, '--dry-run');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => /waivers\[0\]\.(\w+): expected/.exec(line)?.[1]),
    ).toEqual(['file', 'rule', 'until']);
  });

  test('of a Service stands in the policy that is declared for it', async () => {
    expect(await apply(SERVICE('2999-01-31'))).toMatchObject({ code: 0 });
    expect((await headgate('document', 'show', 'Policy/blog-production')).out).toMatch(/until: 2999-01-31/);
  });
});
