import { execFile } from 'node:child_process';
import { createPublicKey, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErpCopies, erpCopies } from '@headgate/adapters/execution/masking/testing/erp-copy';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { generateSigningKey, openMasking, parseDocuments, savePrivateKey } from '@headgate/documents';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

let dir: string;
let copies: ErpCopies;
let copy: pg.ClientConfig;
const secret = randomBytes(32).toString('hex');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-mask-command-'));
  copies = await erpCopies(['small']);
  copy = await copies.fresh('shop', 'small', false);
  await withClient(copy, async (client) => {
    await client.query(`alter table customer add column others text[]`);
    // Its triggers keep what was.
    await client.query('set session_replication_role = replica');
    await client.query(`update customer set others = array[email, null, 'second.' || email]`);
  });
});
afterAll(async () => {
  await copies?.remove();
  await rm(dir, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `headgate mask …`, as a person types it. */
function headgate(...args: string[]): Promise<Ran> {
  const { user, password, host, port, database } = copy;
  const url = `postgres://${user}:${encodeURIComponent(String(password))}@${host}:${port}/${database}`;
  const main = join(import.meta.dirname, '..', '..', '..', 'cli', 'src', 'main.ts');
  const env = { ...process.env, SHOP_DB: url, HEADGATE_MASK_KEY: secret };
  return new Promise((done) => {
    execFile(process.execPath, [main, 'mask', ...args], { cwd: dir, env }, (error, out, err) => {
      const all = `${out}${err}`;
      expect(all).not.toContain(secret);
      expect(all).not.toContain(String(password));
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

const DATABASE = ['--database-env', 'SHOP_DB'];

test('from a scan to a signed statement: each command does what it says, and prints no secret', async () => {
  expect(await headgate(...DATABASE)).toMatchObject({ code: 2, err: expect.stringContaining('it needs --rules') });

  const scanned = await headgate('scan', ...DATABASE, '--name', 'people', '--out', 'people.yaml');
  expect(scanned).toMatchObject({ code: 0 });
  const proposed = await readFile(join(dir, 'people.yaml'), 'utf8');
  expect(parseDocuments(proposed, { file: 'people.yaml' })).toMatchObject({ ok: true });
  for (const words of [
    'table: public.customer, column: email, mask: email',
    'column: iban, mask: iban',
    'field: email, as: email',
    'table: public.customer, column: others, mask: email',
  ])
    expect(proposed).toContain(words);
  // No value of anybody's: the domains of the sample's addresses are nowhere.
  expect(proposed).not.toMatch(/firma-|own\.example/);

  const rules = [...DATABASE, '--rules', 'people.yaml'];
  expect(await headgate(...rules)).toMatchObject({ code: 1, err: expect.stringContaining('mark-copy') });
  expect(await headgate('mark-copy', ...DATABASE, '--of', 'a dump', '--database', 'other')).toMatchObject({ code: 1 });
  expect(await headgate('mark-copy', ...DATABASE, '--of', 'a dump', '--database', 'shop')).toMatchObject({
    code: 0,
    out: 'shop is marked as a copy of a dump.\n',
  });

  const wrong = proposed.replace('column: iban, mask: iban', 'column: ibn, mask: iban');
  await writeFile(join(dir, 'wrong.yaml'), wrong);
  const line = wrong.split('\n').findIndex((each) => each.includes('ibn')) + 1;
  const refused = await headgate(...DATABASE, '--rules', 'wrong.yaml', '--plan');
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(`wrong.yaml:${line}:`) });

  // What few of a list's members look like, and what the scanner only guesses at, are for the person.
  const tags = '    - {table: customer, column: tags, mask: email}';
  await writeFile(join(dir, 'people.yaml'), `${proposed.trimEnd()}\n${tags}\n`);
  const plan = await headgate(...rules, '--plan');
  expect(plan.out).toContain('Nothing was changed.');
  expect(plan).toMatchObject({ code: 0 });

  expect(await headgate('status', ...DATABASE)).toMatchObject({
    code: 1,
    out: expect.stringContaining('isn’t masked'),
  });
  const pair = generateSigningKey();
  savePrivateKey(join(dir, 'signing.key'), pair.privateKeyPem);
  const done = await headgate(...rules, '--statement', 'statement.json', '--key', 'signing.key');
  expect(done.out).toContain('No original was found');
  expect(done).toMatchObject({ code: 0 });

  const bundle: unknown = JSON.parse(await readFile(join(dir, 'statement.json'), 'utf8'));
  const parsed = parseDocuments(await readFile(join(dir, 'people.yaml'), 'utf8'), { file: 'people.yaml' });
  const digest = parsed.ok ? parsed.documents[0]!.digest : undefined;
  const signer = {
    name: 'agent',
    keyId: pair.keyId,
    publicKey: createPublicKey(pair.publicKeyPem),
    may: ['evidence' as const],
  };
  const opened = openMasking(bundle, { signers: [signer] }, digest!);
  expect(opened).toMatchObject({ ok: true, facts: { copyOf: 'a dump', leakScan: { places: [] } } });
  expect(openMasking(bundle, { signers: [signer] }, `sha256:${'0'.repeat(64)}`)).toMatchObject({ ok: false });

  const state = await headgate('status', ...DATABASE);
  expect(state).toMatchObject({ code: 0, out: expect.stringContaining('It may be attached') });

  const again = await headgate(...rules, '--json');
  expect(JSON.parse(again.out)).toMatchObject({ ok: true, already: { maskedBy: digest, leaks: 0 } });
});

test('a key that is too short, or that others may read, is refused by its place', async () => {
  const document = (key: string) =>
    `apiVersion: headgate/v1\nkind: Masking\nmetadata: {name: p, owner: o}\nspec: {key: ${key}, rules: [{table: customer, column: email, mask: email}]}\n`;
  await writeFile(join(dir, 'file.yaml'), document('{file: mask.key}'));
  const rules = [...DATABASE, '--rules', 'file.yaml'];
  expect(await headgate(...rules)).toMatchObject({ code: 1, err: expect.stringContaining('there is no file') });
  await writeFile(join(dir, 'mask.key'), 'short', { mode: 0o600 });
  expect(await headgate(...rules)).toMatchObject({ code: 1, err: expect.stringContaining('at least 32') });
  await chmod(join(dir, 'mask.key'), 0o644);
  expect(await headgate(...rules)).toMatchObject({ code: 1, err: expect.stringContaining('chmod 600') });
});
