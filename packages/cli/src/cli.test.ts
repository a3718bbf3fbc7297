/** The command line end to end: spawned processes against a real server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { generateSigningKey, loadTrust, openApproval } from '@headgate/documents';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { DOCUMENTS, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from './program.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

let server: RealServer;
let company: SmallCompany;
let folder: string;

interface Answer {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what its command answers
  readonly json: () => any;
}

function answer(code: number | null, out: string, err: string): Answer {
  return { code, out, err, json: () => JSON.parse(out.trim().split('\n').at(-1) ?? '') };
}

/** Runs a command line in this process, in a folder whose `.headgate` is the server's. */
async function headgate(...args: string[]): Promise<Answer> {
  return run(args, {});
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv, input = '', cwd = folder): Promise<Answer> {
  const written = { out: '', err: '' };
  const into = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const { signal: stop } = new AbortController();
  const [stdout, stderr, stdin] = [into('out'), into('err'), Readable.from([input])];
  const code = await runCommandLine(args, { env, cwd, stdin, stdout, stderr, stop });
  return answer(code, written.out, written.err);
}

/** The same as a process of its own, as people run it. */
async function spawned(...args: string[]): Promise<Answer> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of ['HEADGATE_SERVER', 'HEADGATE_TOKEN_FILE', 'HEADGATE_DATA']) delete env[name];
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return answer(code, out, err);
}

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-cli-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  await writeFile(join(folder, 'ci.key'), company.keyPem, { mode: 0o600 });
  await mkdir(join(folder, 'shop'));
  await writeFile(join(folder, 'shop', 'web.mjs'), company.artifact);
  await writeFile(
    join(folder, 'shop', 'release.yaml'),
    `application: shop
version: 2.0.0
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

describe('headgate', () => {
  it('finds server and token in .headgate, and says who one is', async () => {
    expect(await spawned('whoami')).toMatchObject({ code: 0, out: 'usr_admin: admin\n' });
    expect((await headgate('--as', 'approver', 'whoami', '--json')).json()).toMatchObject({ id: 'usr_approver' });
    const env = { HEADGATE_SERVER: server.url, HEADGATE_TOKEN_FILE: join(server.dataDir, 'secrets', 'auditor.token') };
    expect((await run(['whoami', '--json'], env)).json()).toMatchObject({ id: 'usr_auditor' });
  });

  it('where nobody answers at the address that was given, names the one that the server wrote down', async () => {
    const elsewhere = await run(['whoami'], { HEADGATE_SERVER: 'http://127.0.0.1:9' });
    expect(elsewhere).toMatchObject({
      code: 5,
      err: expect.stringContaining('http://127.0.0.1:9 is what HEADGATE_SERVER says'),
    });
    expect(elsewhere.err).toContain(`the server of the data folder here is at ${server.url}: unset HEADGATE_SERVER`);
  });

  it('names the token that the server doesn’t take, where it was read, and what makes another', async () => {
    await writeFile(join(folder, 'other.token'), 'usr_admin.of-another-server\n', { mode: 0o600 });
    const refused = await headgate('--token-file', 'other.token', 'whoami');
    expect(refused.code).toBe(4);
    expect(refused.err).toMatch(/the token is nobody’s here: it is another server’s, or was replaced or revoked/);
    expect(refused.err).toMatch(/to unblock: .*headgate principal rotate ID/);
    expect(refused.err).toMatch(/the token was read from other\.token\n/);
  });

  it('applies documents from files and standard input, and names file and line of what is wrong', async () => {
    await writeFile(join(folder, 'docs.yaml'), DOCUMENTS);
    const applied = await headgate('apply', '-f', 'docs.yaml', '--json');
    expect(applied.code).toBe(0);
    expect(applied.json().applied.every((a: { change: string }) => a.change === 'unchanged')).toBe(true);
    const wrong = await run(['apply', '-f', '-', '--dry-run'], {}, DOCUMENTS.replace('policy: free', 'policy: freee'));
    expect(wrong.code).toBe(1);
    expect(wrong.err).toMatch(/-:\d+:\d+.*did you mean/s);
  });

  it('creates a release from a folder once, and shows it by version and by the beginning of its digest', async () => {
    const created = await headgate('--as', 'developer', 'release', 'create', 'shop', '--key', 'ci.key', '--json');
    expect(created).toMatchObject({ code: 0 });
    const { ref } = created.json();
    const again = await headgate(
      '--as',
      'developer',
      'release',
      'create',
      'shop/release.yaml',
      '--key',
      'ci.key',
      '--json',
    );
    expect(again.json()).toMatchObject({ ref });
    for (const name of ['2.0.0', 'shop@2.0.0', ref.digest, ref.digest.slice(7, 20)])
      expect((await headgate('release', 'show', name, '--json')).json()).toMatchObject({ ref });
    expect((await headgate('release', 'list')).out).toMatch(/shop +2\.0\.0 +[0-9a-f]{12} +built/);
  });

  it('refuses another release of the same version, before anything is sent, unless it is said', async () => {
    const text = await readFile(join(folder, 'shop', 'release.yaml'), 'utf8');
    const create = ['--as', 'developer', 'release', 'create', 'shop', '--key', 'ci.key'];
    const first = text.replace('version: 2.0.0', 'version: 1.9.0');
    await writeFile(join(folder, 'shop', 'release.yaml'), first);
    expect((await headgate(...create)).code).toBe(0);
    await writeFile(join(folder, 'shop', 'release.yaml'), `${first}notes: another one\n`);
    const refused = await headgate(...create);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^shop 1\.9\.0 is there already and is another one: sha256:[0-9a-f]{64}, registered at \S+Z by usr_\w+\n {2}to unblock: give this one another version .* say --same-version\n/,
      ),
    });
    const count = async () => (await headgate('release', 'list', '--json')).json().items.length;
    const before = await count();
    const made = await headgate(...create, '--same-version');
    expect(made).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^warning: shop 1\.9\.0 is there already.*\nshop 1\.9\.0 is registered/),
    });
    expect(await count()).toBe(before + 1);
    await writeFile(join(folder, 'shop', 'release.yaml'), text);
    expect((await headgate('release', 'show', '1.9.0')).err).toMatch(/may be any of.*give the digest/s);
  });

  it('refuses a release whose manifest or key is not right, before anything is sent', async () => {
    await mkdir(join(folder, 'bad'), { recursive: true });
    await writeFile(
      join(folder, 'bad', 'release.yaml'),
      'application: shop\nversion: 1\ncomponents: [{name: x, files: [../ci.key]}]\n',
    );
    expect(await headgate('release', 'create', 'bad', '--key', 'ci.key')).toMatchObject({
      code: 1,
      err: expect.stringContaining('outside'),
    });
    await writeFile(join(folder, 'open.key'), company.keyPem, { mode: 0o644 });
    expect(await headgate('release', 'create', 'shop', '--key', 'open.key')).toMatchObject({
      code: 2,
      err: expect.stringContaining('chmod 600'),
    });
    expect(await headgate('release', 'create', 'nowhere', '--key', 'ci.key')).toMatchObject({ code: 3 });
  });

  it('runs tests as evidence, green and red, and says how they ended', async () => {
    const junit = '<testsuite><testcase name="a"/><testcase name="b"/></testsuite>';
    const script = `require('fs').writeFileSync('report.xml', ${JSON.stringify(junit)}); console.log('ran')`;
    const common = [
      '--as',
      'developer',
      'evidence',
      'attach',
      '--release',
      '2.0.0',
      '--key',
      'ci.key',
      '--json',
      '--run',
    ];
    const green = await spawned(...common, '--junit', 'report.xml', '--', process.execPath, '-e', script);
    expect(green.code).toBe(0);
    expect(green.json()).toMatchObject({ passed: 2, failed: 0, exitCode: 0 });
    const log = await (await server.client('auditor')).call('getBlob', { digest: green.json().log });
    expect(Buffer.from(log).toString()).toBe('ran\n');
    const unread = common.filter((each) => each !== '--json');
    const uncounted = await headgate(...unread, '--', process.execPath, '-e', '0');
    expect(uncounted.out).toMatch(/attached to \S+: exit code 0; no test is counted without --junit FILE/);
    const red = await headgate(...common, '--', process.execPath, '-e', 'process.exit(7)');
    expect({ code: red.code, json: red.json() }).toMatchObject({ code: 1, json: { exitCode: 7, passed: 0 } });
    const { evidence } = (await headgate('release', 'show', '2.0.0', '--json')).json() as unknown as {
      evidence: unknown[];
    };
    expect(evidence).toHaveLength(3);
  });

  it('plans for some tenants alone, and lets no words of somebody else’s act on the terminal', async () => {
    await company.release('2.0.9');
    const only = await headgate('--as', 'developer', 'plan', '2.0.9', '--to', 'staging', '--only', 'acme, bolt');
    expect(only.code).toBe(0);
    const one = await headgate('--as', 'developer', 'plan', '2.0.9', '--to', 'staging', '--only', 'acme');
    expect(one.out).toMatch(/Only for +acme; everybody else stays/);
    const none = await headgate('--as', 'developer', 'plan', '2.0.9', '--to', 'staging', '--only', 'acme,nobody');
    expect(none).toMatchObject({ code: 3, err: expect.stringContaining('no cell of it has nobody') });

    const seen = company.observation('live', 'production');
    const drift = ['the module \u001b]0;owned\u0007\u001b[2J is at 9'];
    const body = { ...seen, stores: { main: { schemaVersion: 1, drift } } };
    await company.agent.call('observeCell', { cell: 'live', body });
    const refused = await headgate('--as', 'developer', 'plan', '2.0.9', '--to', 'production');
    expect(refused.err).toContain('owned');
    const shown = await headgate('status');
    for (const text of [refused.err, shown.out]) expect(text.replace(/\n/g, '')).not.toMatch(/\p{Cc}/u);
    await company.agent.call('observeCell', { cell: 'live', body: seen });
  });

  it('takes a release to production: plan, promote, approve what was shown, watch', async () => {
    const release = await company.release('2.1.0');
    const plan = await headgate('--as', 'developer', 'plan', '2.1.0', '--to', 'production');
    expect(plan).toMatchObject({ code: 0, out: expect.stringContaining('Promote shop 2.1.0 to production') });
    const asked = await headgate(
      '--as',
      'developer',
      'promote',
      '2.1.0',
      '--to',
      'production',
      '--key',
      'b1',
      '--json',
    );
    const { id, envelope } = asked.json() as unknown as { id: string; envelope: string };
    expect(
      (await headgate('--as', 'developer', 'promote', '2.1.0', '--to', 'production', '--key', 'b1', '--json')).json(),
    ).toMatchObject({ id });

    const mine = await headgate('--as', 'developer', 'approve', id, '--yes');
    expect(mine).toMatchObject({ code: 4, err: expect.stringContaining('approve takes one of the roles') });
    expect(await headgate('--as', 'approver', 'approve', id)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--yes'),
    });
    const other = await headgate('--as', 'approver', 'approve', id, '--envelope', release);
    expect(other).toMatchObject({ code: 1 });
    expect((await headgate('explain', id)).out).toContain('approval');
    expect((await headgate('status')).out).toContain(`promotion/${id}`);
    // People read a digest's beginning; programs get all of it.
    for (const args of [['explain', id], ['status']]) {
      const people = (await headgate(...args)).out;
      expect(people).toContain(envelope.slice(0, 19));
      expect(people).not.toContain(envelope);
      expect((await headgate(...args, '--json')).out).toContain(envelope);
    }

    const watching = spawned('watch', id);
    const approved = await headgate('--as', 'approver', 'approve', id, '--envelope', envelope);
    expect(approved).toMatchObject({ code: 0, out: expect.stringContaining('This approval binds to:') });
    const auditor = await server.client('auditor');
    const phase = async () => (await auditor.call('showPromotion', { promotion: id })).phase;
    await company.carryOut(async () => (await phase()) === 'ended');
    const watched = await watching;
    expect(watched).toMatchObject({ code: 0, out: expect.stringContaining('ended: promoted') });
    expect(await headgate('pause', id, '--reason', 'x')).toMatchObject({
      code: 1,
      err: expect.stringContaining('it is ended'),
    });
  });

  it('signs an approval with one’s own key; the agent is handed what was signed', async () => {
    const pair = generateSigningKey();
    const stranger = generateSigningKey();
    await company.trust(pair.publicKeyPem);
    await writeFile(join(folder, 'own.key'), pair.privateKeyPem, { mode: 0o600 });
    await writeFile(join(folder, 'stranger.key'), stranger.privateKeyPem, { mode: 0o600 });
    await company.release('2.1.1');
    const asked = await headgate('--as', 'developer', 'promote', '2.1.1', '--to', 'production', '--json');
    const { id, envelope } = asked.json();
    const approve = (key: string) => headgate('--as', 'approver', 'approve', id, '--yes', '--sign-key', key);
    expect(await approve('stranger.key')).toMatchObject({ code: 1 });
    expect(await approve('own.key')).toMatchObject({ code: 0 });
    const auditor = await server.client('auditor');
    const promotion = () => auditor.call('showPromotion', { promotion: id });
    const carried = await company.carryOut(async () => (await promotion()).phase === 'ended');
    const [approval] = carried[0]?.approvals ?? [];
    expect(approval).toMatchObject({ by: 'usr_approver', proof: 'signed' });
    const bytes = await auditor.call('getBlob', { digest: approval?.bundle ?? envelope });
    const read = loadTrust(join(server.dataDir, 'trust.yaml'));
    if (!read.ok) throw new Error(read.problems[0]?.message);
    expect(openApproval(JSON.parse(Buffer.from(bytes).toString()), read.trust, envelope)).toMatchObject({
      ok: true,
      approval: { by: 'usr_approver', envelope },
    });
  });

  it('pauses, resumes and takes back', async () => {
    await company.release('2.2.0');
    const asked = await headgate('--as', 'developer', 'promote', '2.2.0', '--to', 'staging', '--json');
    const { id } = asked.json();
    const auditor = await server.client('auditor');
    const promotion = () => auditor.call('showPromotion', { promotion: id });
    await until('it advances', async () => (await promotion()).phase === 'advancing');
    expect(await headgate('--as', 'operator', 'pause', id, '--reason', 'lunch')).toMatchObject({ code: 0 });
    expect((await headgate('status')).out).toContain('lunch');
    expect(await headgate('--as', 'operator', 'resume', id)).toMatchObject({ code: 0 });
    expect(await headgate('--as', 'operator', 'rollback', id, '--reason', 'changed our minds')).toMatchObject({
      code: 0,
    });
    await company.carryOut(async () => (await promotion()).phase === 'ended');
    expect(await promotion()).toMatchObject({ result: 'rolled-back' });
    expect(await headgate('watch', id)).toMatchObject({ code: 1 });
  });

  it('overtakes an open promotion that rests, for a reason alone', async () => {
    await company.release('2.3.0');
    await company.release('2.3.1');
    const asked = await headgate('--as', 'developer', 'promote', '2.3.0', '--to', 'staging', '--json');
    const { id } = asked.json();
    const promotion = async () => (await server.client('auditor')).call('showPromotion', { promotion: id });
    await until('it advances', async () => (await promotion()).phase === 'advancing');
    const overtake = ['--as', 'release-manager', 'promote', '2.3.1', '--to', 'staging', '--overtake', id];
    expect(await headgate(...overtake)).toMatchObject({ code: 2, err: expect.stringContaining('--because') });
    const reasoned = [...overtake, '--because', 'invoices are wrong'];
    expect(await headgate(...reasoned)).toMatchObject({ code: 1, err: expect.stringContaining('headgate pause') });
    expect(await headgate('--as', 'operator', 'pause', id, '--reason', 'a hotfix')).toMatchObject({ code: 0 });
    const planned = await headgate('--as', 'release-manager', 'plan', '2.3.1', '--to', 'staging', '--overtake', id);
    expect(planned.out).toMatch(/Overtakes .*which ends superseded/s);
    const hotfix = await headgate(...reasoned, '--json');
    expect(hotfix.json()).toMatchObject({ overtakes: id });
    const ended = async () => (await promotion()).phase === 'ended';
    await company.carryOut(ended);
    expect((await promotion()).result).toBe('superseded');
    expect((await headgate('status')).out).toContain(`overtaking ${id}`);
    const left = await headgate('--as', 'operator', 'rollback', hotfix.json().id, '--reason', 'seen');
    expect(left).toMatchObject({ code: 0 });
  });

  it('creates principals and agents whose tokens are said once', async () => {
    expect(
      await headgate('principal', 'create', 'usr_new', '--role', 'approver', '--token-out', 'new.token'),
    ).toMatchObject({ code: 0 });
    expect((await stat(join(folder, 'new.token'))).mode & 0o777).toBe(0o600);
    expect((await headgate('--token-file', 'new.token', 'whoami')).out).toBe('usr_new: approver\n');
    const agent = await headgate('agent', 'enrol', 'agt_new', '--environment', 'staging', '--json');
    expect(agent.json()).toMatchObject({
      principal: { environments: ['staging'] },
      token: expect.stringMatching(/^agt_new\./),
    });
    expect(await headgate('principal', 'create', 'usr_new', '--role', 'approver')).toMatchObject({ code: 1 });
  });

  it('freezes and lifts', async () => {
    const args = ['--scope', 'staging', '--for', '30m', '--reason', 'month end'];
    expect(await headgate('freeze', 'declare', 'close', ...args)).toMatchObject({ code: 0 });
    expect((await headgate('status')).out).toContain('month end');
    const lifted = await headgate('freeze', 'lift', 'close', '--scope', 'staging', '--because', 'closed');
    expect(lifted).toMatchObject({ code: 0 });
    expect((await headgate('status')).out).not.toContain('month end');
  });
});

describe('headgate log verify', () => {
  it('verifies the whole log, also against a head that somebody holds', async () => {
    const auditor = await server.client('auditor');
    await writeFile(join(folder, 'held.note'), await auditor.call('logHead'));
    await (await server.client('admin')).call('createPrincipal', { body: { id: 'usr_later', roles: ['auditor'] } });
    const verified = await headgate('--as', 'auditor', 'log', 'verify', '--head', 'held.note', '--json');
    expect({ code: verified.code, json: verified.json() }).toMatchObject({ code: 0, json: { ok: true } });
    const key = await readFile(join(server.dataDir, 'log.pub'), 'utf8');
    expect(await headgate('log', 'verify', '--key', key.trim())).toMatchObject({ code: 0 });
  });

  it('takes no head that another key signed', async () => {
    const note = (await readFile(join(folder, 'held.note'), 'utf8')).replace(/^\d+$/m, '3');
    await writeFile(join(folder, 'forged.note'), note);
    expect(await headgate('log', 'verify', '--head', 'forged.note')).toMatchObject({
      code: 6,
      out: expect.stringContaining('NOT verify'),
    });
  });
});

describe('exit codes and errors', () => {
  it.each([
    [['bogus'], 2, /unknown command/],
    [['promote', '1.0.0'], 2, /--to/],
    [['release', 'show', '77.0.0'], 3, /no release is 77\.0\.0/],
    [['explain', 'prm_nothing'], 3, /no such thing/],
    [
      ['--as', 'auditor', 'freeze', 'lift', 'x', '--scope', 'all', '--because', 'r'],
      4,
      /freeze takes one of the roles/,
    ],
    [['--token-file', 'nowhere', 'status'], 4, /nowhere can't be read/],
    [['--server', 'http://127.0.0.1:9', 'status'], 5, /no answer/],
    [['--server', 'ftp://x', 'status'], 2, /a token goes to no such one/],
    [['apply', '-f', 'nowhere.yaml'], 3, /no file nowhere/],
    [['freeze', 'declare', 'x', '--scope', 'all', '--for', 'long', '--reason', 'r'], 2, /--for/],
  ])('%j ends with %i', async (args, code, message) => {
    const told = await spawned(...args);
    expect({ code: told.code, err: told.err }).toEqual({ code, err: expect.stringMatching(message) });
    const json = await headgate(...args, '--json');
    expect(json.code).toBe(code);
    if (code !== 2 || json.out !== '') expect(json.json()).toMatchObject({ error: expect.anything() });
  });

  it.each([
    [['bogus'], 'headgate'],
    [['promotion', 'lst'], 'headgate promotion'],
    [['log', 'verify', '--bogus'], 'headgate log verify'],
    [['promote', '1.0.0'], 'headgate promote'],
    [['watch', '--after', 'x'], 'headgate watch'],
    [['answer', 'prm_1.c1', 'maybe'], 'headgate answer'],
  ])('%j points to the help of %s', async (args, command) => {
    expect(await headgate(...args)).toMatchObject({ code: 2, err: expect.stringContaining(`(see ${command} --help)`) });
  });

  it('without a server anywhere says how to get one', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'headgate-none-'));
    expect(await run(['status'], {}, '', elsewhere)).toMatchObject({
      code: 5,
      err: expect.stringContaining('npm start'),
    });
    await rm(elsewhere, { recursive: true });
  });
});
