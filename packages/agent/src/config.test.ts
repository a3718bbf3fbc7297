import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellConfigInput } from '@headgate/adapters/execution/cell-config';
import { isAllowedServer } from '@headgate/contract/server-address';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from './config.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-config-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const CELL: CellConfigInput = {
  cell: 'shared',
  environment: 'production',
  application: 'psa',
  dir: '/cells/shared',
  slots: { blue: { web: 4001 }, green: { web: 4002 } },
  stores: {
    main: {
      clusterDir: '/stores/main',
      port: 5001,
      database: 'psa',
      user: 'psa',
      passwordFile: '/secrets/main',
      archiveDir: '/stores/archive',
      restorePointsDir: '/stores/points',
    },
  },
  tenants: { ada: { store: 'main', ring: 'internal' } },
  router: { listenPort: 4003, adminPort: 4004, tokenFile: '/secrets/router' },
};

const GOOD = `server: http://127.0.0.1:7070
name: agent-1
tokenFile: /secrets/token
dataDir: /data
trustFile: /data/trust.yaml
environments:
  - name: production
`;

async function load(text: string, cell: unknown = CELL) {
  const file = join(dir, 'agent.yaml');
  await writeFile(join(dir, 'cell.json'), JSON.stringify(cell, null, 2));
  await writeFile(file, `${text}cellFiles:\n  - ${join(dir, 'cell.json')}\n`);
  return loadConfig(file);
}

test('reads what is right, and fills in what has a default', async () => {
  expect(await load(GOOD)).toMatchObject({
    ok: true,
    config: { name: 'agent-1', observeEveryMs: 5_000, cells: [{ cell: 'shared', drainMs: 10_000 }] },
  });
});

const wrong: [string, string, RegExp][] = [
  [
    'an unknown field',
    `${GOOD}sever: x\n`,
    /agent\.yaml:8:8 sever: expected one of the fields .+, did you mean "server"\?/,
  ],
  ['plain HTTP to another machine', GOOD.replace('127.0.0.1', '10.0.0.1'), /agent\.yaml:1:9 server: expected https/],
  ['a relative path', GOOD.replace('/secrets/token', 'token'), /agent\.yaml:3:12 tokenFile: expected an absolute path/],
  [
    'no environment',
    GOOD.replace('  - name: production\n', '').replace('environments:', 'environments: []'),
    /agent\.yaml:6:15 environments/,
  ],
  [
    'signed approvals without the policy that says how many',
    `${GOOD}    signedApprovals: true\n`,
    /agent\.yaml:8:22 environments\[0\]\.signedApprovals: expected a policyDigest beside it/,
  ],
  [
    'an unknown kind of cell',
    GOOD.replace('environments:', 'cells: [{kind: mainframe}]\nenvironments:'),
    /agent\.yaml:6:16 cells\[0\]\.kind: expected one of process, odoo/,
  ],
  [
    'a policy that is no digest',
    `${GOOD}    policyDigest: abc\n`,
    /agent\.yaml:8:19 environments\[0\]\.policyDigest: expected a digest/,
  ],
  [
    'a cell of another environment',
    GOOD.replace('production', 'staging'),
    /expected the environment production of cell shared, found staging/,
  ],
  ['broken YAML', `${GOOD}x: [\n`, /agent\.yaml:\d+:\d+: expected well-formed YAML/],
];
test.each(wrong)('refuses %s, with its place', async (_title, text, expected) => {
  const read = await load(text);
  expect(read.ok).toBe(false);
  expect(!read.ok && read.problems.join('\n')).toMatch(expected);
});

test('refuses what is wrong in a cell’s own file, with its place there', async () => {
  const cell = { ...CELL, router: { ...CELL.router, listenPort: 99_999 }, colour: 'red' };
  const read = await load(GOOD, cell);
  const problems = read.ok ? '' : read.problems.join('\n');
  expect(problems).toMatch(/cell\.json:\d+:\d+ router\.listenPort/);
  expect(problems).toMatch(/cell\.json:\d+:\d+ colour: expected .+unknown field "colour"/);
  const twice = await load(GOOD, { ...CELL, router: { ...CELL.router, adminPort: 4003 } });
  expect(!twice.ok && twice.problems[0]).toMatch(/cell\.json:1: the port 4003 is named twice/);
});

test('says what is expected in a cell in words, never in the validator’s', async () => {
  const move = { old: 'select 1', new: 'select 1', key: ['id'], compare: [], writtenBy: '1.0.0', everyMs: 5 };
  const read = await load(GOOD, {
    ...CELL,
    stores: { main: { ...CELL.stores?.main, moves: { 'net.x': {}, net: move } } },
  });
  const problems = read.ok
    ? []
    : read.problems.map((each) => each.replace(/^.*cell\.json:\d+:\d+ stores\.main\.moves/, ''));
  expect(problems).toEqual([
    expect.stringMatching(/^\["net\.x"\]: expected a name: 1 to 63 lower-case letters.*, found the key "net\.x"$/),
    '.net.compare: expected a list of at least 1 item, found []',
    '.net.writtenBy: expected a list, found "1.0.0"',
    '.net.everyMs: expected a number >= 1000, found 5',
  ]);
});

test('a vault is read with what has a default, and what is wrong in it is refused with its place', async () => {
  const secret = { variable: 'VAULT_KEY' };
  const store = {
    kind: 's3',
    endpoint: 'https://s3.example',
    bucket: 'points',
    accessKeyId: secret,
    secretAccessKey: secret,
  };
  const vault = { store, recipients: [`age1${'q'.repeat(58)}`], keyFile: '/secrets/vault-key.pem' };
  expect(await load(GOOD, { ...CELL, vault })).toMatchObject({
    ok: true,
    config: { cells: [{ vault: { required: true, demands: [], keep: { last: 10 }, store: { pathStyle: true } } }] },
  });
  const wrong = {
    ...vault,
    recipients: ['AGE-SECRET-KEY-1'],
    store: { ...store, endpoint: 'http://s3.example' },
    demands: ['luck'],
  };
  const read = await load(GOOD, { ...CELL, vault: wrong });
  const problems = read.ok ? '' : read.problems.join('\n');
  expect(problems).toMatch(/cell\.json:\d+:\d+ vault\.store\.endpoint: .*https/);
  expect(problems).toMatch(/cell\.json:\d+:\d+ vault\.recipients\[0\]/);
  expect(problems).toMatch(/cell\.json:\d+:\d+ vault\.demands\[0\]/);
  expect(problems).not.toContain('AGE-SECRET-KEY');
  const plain = await load(GOOD, { ...CELL, vault: { ...vault, store: { ...store, secretAccessKey: 'hunter2' } } });
  const told = plain.ok ? '' : plain.problems.join('\n');
  expect(told).toMatch(/vault\.store\.secretAccessKey: expected where the secret is/);
  expect(told).not.toContain('hunter2');
});

test('plain HTTP is for this machine alone', () => {
  const allowed = [
    'https://hg.example',
    'http://127.0.0.1:7070',
    'http://localhost:1',
    'http://[::1]:7070',
    'http://127.1.2.3/',
  ];
  const not = [
    'http://hg.example',
    'http://127.0.0.1.evil.example',
    'http://0.0.0.0',
    'ftp://127.0.0.1',
    'https://u:p@hg.example',
    'https://hg.example/x',
    'x',
  ];
  expect(allowed.filter(isAllowedServer)).toEqual(allowed);
  expect(not.filter(isAllowedServer)).toEqual([]);
});

test('what cells and stores depend on is there, and leads in no circle', async () => {
  const { main } = CELL.stores!;
  const other = { ...main!, clusterDir: '/stores/other', port: 5002 };
  const needs = (...dependsOn: string[]) => ({ ...CELL, stores: { main: { ...main!, dependsOn }, other } });
  expect(await load(GOOD, needs('other'))).toMatchObject({ ok: true });
  const refused = async (cell: unknown) => {
    const read = await load(GOOD, cell);
    return read.ok ? '' : read.problems.join('\n');
  };
  expect(await refused(needs('othr'))).toContain('main depends on othr, and there is no store of that name');
  expect(await refused({ ...CELL, stores: { main: { ...main!, dependsOn: ['main'] } } })).toContain(
    'circle: main → main',
  );
  expect(await refused(needs('other', 'other'))).toContain('each name once');
  expect(await refused(needs('../other'))).toContain('lower-case letters');
  const both = { main: { ...main!, dependsOn: ['other'] }, other: { ...other, dependsOn: ['main'] } };
  expect(await refused({ ...CELL, stores: both })).toContain('circle: main → other → main');
  expect(await refused({ ...CELL, dependsOn: ['elsewhere'] })).toContain(
    'shared depends on elsewhere, and there is no cell of this agent',
  );
  expect(await refused({ ...CELL, dependsOn: ['shared'] })).toContain('circle: shared → shared');
});
