/** One table of exit codes for all commands: what somebody names and nobody declared is `not found`, whoever is asked for it. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from './catalog.ts';
import type { Act } from './command.ts';
import { EXIT, EXIT_HELP } from './exit-codes.ts';
import { ranCommand } from './testing/ran-command.ts';

const KEY = '--key ci.key';
/** What a release is taken to: a release, an environment, a tenant or a promotion that isn't there. */
const TO = ['9.9.9 --to staging', 'RELEASE --to typo', 'RELEASE --to staging --only typo'].concat(
  'RELEASE --to staging --overtake prm_typo',
);
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;
let server: RealServer;
let folder: string;
let version: string;

beforeAll(async () => {
  server = await RealServer.start();
  const company = await SmallCompany.found(server);
  await company.release('4.2.0');
  version = '4.2.0';
  folder = await mkdtemp(join(tmpdir(), 'headgate-not-found-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  await ranCommand(['agent', 'enrol', 'agt_there', '--environment', 'staging'], { env: {}, cwd: folder });
  await writeFile(join(folder, 'ci.key'), company.keyPem, { mode: 0o600 });
  await mkdir(join(folder, 'there'));
  await writeFile(join(folder, 'there', 'web.mjs'), company.artifact);
  await writeFile(
    join(folder, 'there', 'release.yaml'),
    `application: shop
version: 4.3.0
authors: [usr_author]
components:
  - {name: web, role: web, recovery: stateless, files: [web.mjs], command: ["\${node}", "\${dir}/web.mjs"], healthPath: /healthz}
schemaRange: {min: 1, max: 1}
`,
  );
});
afterAll(async () => {
  await server?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** What ends as a program of the agent does, takes no name at all, or takes one of a few that the usage lists. */
const NOT_HERE = [
  'mask',
  'dr',
  'completion',
  'doctor',
  'freeze list',
  'incident',
  'log audit',
  'principal create',
  'principal list',
].concat(['agent list', 'gate list', 'status', 'whoami', 'document list', 'recovery']);

/**
 * By command: how it is told of something that isn't there, at the server or on this machine. `RELEASE` is a release that is,
 * `there` its folder.
 */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'agent widen': ['agt_typo --environment staging', 'agt_there --environment typo'],
  'data remove': ['nowhere --yes'],
  'data where': ['nowhere'],
  'document diff': ['Policy/typo', `Policy/free ${NO_DIGEST}`],
  'document show': ['Policy/typo', NO_DIGEST],
  'drill list': ['--cell typo'],
  'drill record': ['nowhere'],
  'evidence attach': [
    '--bundle nowhere',
    `--run --release 9.9.9 ${KEY} -- true`,
    '--run --release RELEASE --key nowhere -- true',
  ],
  'freeze declare': ['typo --scope typo --for 1h --reason why'],
  'freeze lift': ['typo --because why'],
  'freeze now': ['--because why --scope typo', '--because why --scope application:typo'],
  'gate show': ['typo'],
  'log export': ['out --key nowhere', 'out --witness nowhere'],
  'log verify': ['nowhere', '--head nowhere', '--key nowhere', '--trust nowhere'],
  'notify list': ['--promotion prm_typo', '--notification typo', '--channel typo'],
  'notify preview': ['typo planned'],
  'notify retry': ['msg_typo'],
  'notify test': ['typo typo'],
  'principal revoke': ['usr_typo'],
  'principal rotate': ['usr_typo'],
  'promotion list': ['--environment typo', '--application typo'],
  'reconcile approve': [`nowhere ${KEY} --approver usr_approver --out out.json --yes`],
  'reconcile list': ['--cell typo'],
  'reconcile record': ['nowhere'],
  'recover-tenant approve': [`nowhere ${KEY} --approver usr_approver --out out.json --yes`],
  'recovery answer': ['typo as-seen --reason why'],
  'release create': [`nowhere ${KEY}`, 'there --key nowhere'],
  'release list': ['--application typo'],
  'release show': ['9.9.9', NO_DIGEST],
  'restoration list': ['--cell typo'],
  'restoration record': ['nowhere'],
  adopt: ['typo'],
  analyse: [
    'nowhere.sql',
    '--release 9.9.9',
    '--release RELEASE --catalogue nowhere',
    '--release RELEASE --key nowhere --attach',
  ],
  answer: ['prm_typo.stage retry'],
  apply: ['-f nowhere.yaml'],
  approve: ['prm_typo --yes'],
  ci: [`nowhere ${KEY}`, 'there --key nowhere', `there ${KEY} --to typo`],
  explain: ['prm_typo'],
  go: ['prm_typo --reason why'],
  init: ['nowhere --yes'],
  keep: ['prm_typo'],
  migrate: ['nowhere.yaml'],
  pause: ['prm_typo --reason why'],
  plan: TO,
  promote: TO.map((to) => `${to}${to.includes('--overtake') ? ' --because why' : ''}`),
  rehearse: [
    '9.9.9 --rollback --in staging',
    'RELEASE --rollback --in typo',
    'RELEASE --rollback --in staging --key nowhere',
  ],
  reject: ['prm_typo --reason why'],
  resume: ['prm_typo'],
  rollback: ['prm_typo --reason why'],
  setup: ['nowhere'],
  watch: ['prm_typo', '--environment typo'],
};

test.each(Object.entries(NAMES).flatMap(([command, forms]) => forms.map((form) => [`${command} ${form}`])))(
  'headgate %s: not found',
  async (line) => {
    const args = line.split(' ').map((word) => (word === 'RELEASE' ? version : word));
    const { code, out } = await ranCommand(args, { env: {}, cwd: folder });
    expect(code, out).toBe(EXIT.notFound);
    expect(out).toMatch(/typo|nowhere|9\.9\.9|sha256:0{64}/);
  },
);

test('every command is asked for what isn’t there, or takes nothing that could be missing', () => {
  const program = new Command('headgate');
  for (const install of COMMANDS) install(program, (() => async () => {}) as Act);
  const walk = (command: Command, path: string): readonly string[] => {
    const below = command.commands.flatMap((each) => walk(each, `${path} ${each.name()}`.trim()));
    return below.length > 0 ? below : [path];
  };
  // An agent may be enrolled before its environment is declared: that is taken, and said.
  const known = [...Object.keys(NAMES), ...NOT_HERE, 'agent enrol'];
  expect(walk(program, '').filter((path) => !known.includes(path))).toEqual([]);
});

test('the page has every code that there is, and the help as well', async () => {
  const page = await readFile(new URL('../../../docs/exit-codes.md', import.meta.url), 'utf8');
  const [own = ''] = page.split('## `headgate-agent`');
  const codes = [...own.matchAll(/^\| (\d+) \| (.*?) \|/gm)].map(([, code, meaning]) => [Number(code), meaning]);
  expect(codes.map(([code]) => code)).toEqual(Object.values(EXIT));
  for (const [code, meaning] of codes) expect(EXIT_HELP).toContain(`  ${code}  ${meaning}`);
});

test('a release’s version in the place of a promotion is answered with the command that lists promotions', async () => {
  const { code, out } = await ranCommand(['explain', version], { env: {}, cwd: folder });
  expect([code, out]).toEqual([EXIT.notFound, expect.stringContaining('headgate promotion list has them')]);
  const typo = await ranCommand(['principal', 'revoke', 'usr_typo'], { env: {}, cwd: folder });
  expect(typo.out).toMatch(/to unblock: see: headgate principal list\n/);
});

test('a mistyped document is answered with the nearest of its kind', async () => {
  const near = async (...words: string[]) =>
    (await ranCommand(['document', 'show', ...words], { env: {}, cwd: folder })).out;
  expect(await near('Policy', 'carefull')).toContain('no Policy is declared as carefull, did you mean "careful"?');
  expect(await near('Tenant/ada')).toMatch(/no Tenant is declared as ada/);
  const tenant =
    'apiVersion: headgate/v1\nkind: Tenant\nmetadata: {name: bob, owner: team-shop}\nspec: {cell: stage, store: main, ring: pilot}\n';
  await writeFile(join(folder, 'tenant.yaml'), tenant);
  expect((await ranCommand(['apply', '-f', 'tenant.yaml'], { env: {}, cwd: folder })).code).toBe(0);
  expect(await near('Tenant', 'bob')).toContain('did you mean "stage/bob"?');
});
