/** `headgate freeze` and `headgate incident` as people read them at night, against a real server. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { RealServer } from '@headgate/server/testing/real-server';
import { PEOPLE, TroubledCompany } from '@headgate/server/testing/troubled-company';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from './program.ts';

let server: RealServer;
let troubled: TroubledCompany;
let folder: string;

beforeAll(async () => {
  server = await RealServer.start();
  troubled = await TroubledCompany.found(server);
  folder = await mkdtemp(join(tmpdir(), 'headgate-incident-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
}, 60_000);
afterAll(async () => {
  await server?.remove();
  await rm(folder, { recursive: true, force: true });
});

async function headgate(...args: string[]) {
  const written = { out: '', err: '' };
  const into = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const { signal: stop } = new AbortController();
  const [stdout, stderr, stdin] = [into('out'), into('err'), Readable.from([''])];
  const code = await runCommandLine(args, { env: {}, cwd: folder, stdin, stdout, stderr, stop });
  return { code, ...written };
}

describe('headgate incident', () => {
  it('says whom to call first, who is held, what failed, what changed, what can be done, and what isn’t known', async () => {
    const { code, out } = await headgate('--as', 'operator', 'incident');
    expect(code).toBe(0);
    const parts = ['WHOM TO CALL', 'WHICH TENANTS', 'WHAT IS THE MATTER', 'WHAT CHANGED', 'WHAT IS NOT KNOWN'];
    expect(parts.map((part) => out.indexOf(part))).toEqual(
      [...parts.map((part) => out.indexOf(part))].sort((a, b) => a - b),
    );
    expect(out).toMatch(new RegExp(`1\\. ${PEOPLE.onCall}, on-call: \\${PEOPLE.phone} \\(nights\\)`));
    expect(out).toMatch(/live\/acme +HELD +1\.0\.0 +\S+Z +pilot +gold/);
    expect(out).toMatch(/live\/bolt +not held/);
    expect(out).toContain('w2.verify bolt: 2 of 5 checks failed: the ledger said 500');
    expect(out).toContain('asked for by usr_developer, approved by usr_approver');
    expect(out).toContain('declares no Reconciliation');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
    expect(out.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f\x7f]/);
  });

  it('is the API’s own answer as JSON, and lists tenants by themselves', async () => {
    const { out } = await headgate('incident', '--json');
    expect(JSON.parse(out)).toMatchObject({ counts: { tenants: 2, held: 1 } });
    const held = await headgate('incident', '--tenants', '--held', '--json');
    expect(JSON.parse(held.out)).toMatchObject({ items: [{ tenant: 'acme' }] });
    expect(await headgate('incident', '--hours', 'many')).toMatchObject({ code: 2 });
  });

  it.each([['incident'], ['incident', '--tenants'], ['promotion', 'list'], ['watch']])(
    'says of an environment that isn’t there that it isn’t, and never that nothing is wrong: %j %j',
    async (...args) => {
      const refused = await headgate(...args.filter((each) => each !== undefined), '--environment', 'prodution');
      expect(refused).toMatchObject({ code: 3, out: '' });
      expect(refused.err).toContain('there is no environment prodution; there are production, staging');
      expect((await headgate('incident', '--environment', 'staging')).out).toContain('Nothing is known to be wrong');
    },
  );
});

describe('headgate freeze', () => {
  it('freezes everything now, says what that stops and that it doesn’t end by itself, and status says so first', async () => {
    const frozen = await headgate('--as', 'operator', 'freeze', 'now', '--because', 'the ledger burns');
    expect(frozen).toMatchObject({ code: 0 });
    expect(frozen.out).toMatch(
      /^FROZEN: everything, until it is lifted: it does NOT end by itself\n {2}now-\d{8}-\d{4}: the ledger burns\n/,
    );
    expect(frozen.out).toContain('1 promotion going back, which nothing stops; no step is at work.');
    expect(frozen.out).toMatch(/Out again: headgate freeze lift now-/);
    expect((await headgate('status')).out).toMatch(/^FROZEN: everything, until it is lifted/);
    expect((await headgate('incident')).out).toContain('FROZEN: everything');
    expect((await headgate('freeze', 'list')).out).toMatch(
      /now-\S+ +all +\S+ +it is lifted +usr_operator +the ledger burns/,
    );
  });

  it('takes an application’s bare name, and lifts the one that is named, or all of them, with a reason', async () => {
    const shop = await headgate(
      'freeze',
      'now',
      '--because',
      'all of it',
      '--scope',
      'shop',
      '--for',
      '2h',
      '--name',
      'shop',
    );
    expect(shop.out).toMatch(/^FROZEN: application shop, until \S+: then it ends by itself/);
    const either = await headgate('freeze', 'lift', '--because', 'out');
    expect(either).toMatchObject({ code: 2, err: expect.stringContaining('2 freezes are declared') });
    expect(await headgate('freeze', 'lift', 'shop')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--because'),
    });
    const one = await headgate('freeze', 'lift', 'shop', '--because', 'it is out');
    expect(one.out).toMatch(/lifted: shop \(application shop\)[\s\S]*still frozen: now-/);
    const all = await headgate('freeze', 'lift', '--all', '--because', 'it is out');
    expect(all.out).toContain('nothing is frozen any more');
    expect(await headgate('freeze', 'lift', 'shop', '--because', 'again')).toMatchObject({ code: 3 });
  });

  it('prints the command that ends it, which does, and names the scope where a name is not enough', async () => {
    const lifts = [];
    for (const scope of ['production', 'staging', 'all']) {
      const named = scope === 'all' ? [] : ['--name', 'twice'];
      const { out } = await headgate('freeze', 'now', '--because', 'x', '--scope', scope, ...named);
      lifts.push(/Out again: headgate (.*) --because/.exec(out)?.[1]?.split(' ') ?? []);
    }
    const either = await headgate('freeze', 'lift', 'twice', '--because', 'out');
    expect(either).toMatchObject({ code: 2 });
    expect(either.err).toContain('headgate freeze lift twice --scope production --because');
    expect(either.err).toContain('headgate freeze lift twice --scope staging --because');
    for (const lift of lifts) expect(await headgate(...lift, '--because', 'out')).toMatchObject({ code: 0 });
    expect((await headgate('freeze', 'list')).out).not.toMatch(/twice|now-/);
  });

  it('refuses a scope that isn’t there, and whoever may not', async () => {
    const odd = await headgate('freeze', 'now', '--because', 'x', '--scope', 'prodction');
    expect(odd).toMatchObject({ code: 3, err: expect.stringContaining('there is no environment prodction') });
    expect(odd.err, 'which there are, the nearest first').toMatch(/scopes are all \(everything\), production, /);
    expect(odd.err).toContain('application:');
    expect(odd.err).toContain('headgate freeze now --scope production --because');
    const effect = await headgate('freeze', 'now', '--because', 'x', '--scope', 'application:shpo');
    expect(effect).toMatchObject({ code: 3, err: expect.stringContaining('there is no application shpo') });
    const lifted = await headgate('freeze', 'lift', 'x', '--because', 'x', '--scope', 'prodction');
    expect(lifted).toMatchObject({ code: 3, err: expect.stringContaining('there is no environment prodction') });
    const auditor = await headgate('--as', 'auditor', 'freeze', 'now', '--because', 'x');
    expect(auditor).toMatchObject({ code: 4, err: expect.stringContaining('freeze takes one of the roles') });
    expect(troubled.promotion).toMatch(/^prm_/);
  });
});
