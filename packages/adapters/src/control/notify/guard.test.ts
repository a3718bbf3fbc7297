import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Allowed, allowedAddresses, isPublic, TargetRefused } from './guard.ts';
import { Secrets } from './secrets.ts';
import { signedHeaders } from './standard-webhooks.ts';

describe('public addresses', () => {
  test.each(['8.8.8.8', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
    '%s',
    (address) => {
      expect(isPublic(address)).toBe(true);
    },
  );
  test.each([
    ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1'],
    ...['169.254.169.254', '192.0.0.8', '198.18.0.1', '224.0.0.1', '255.255.255.255', '203.0.113.9'],
    ...['::1', '::', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8'],
    ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::', '2001:db8::1', '::127.0.0.1', 'localhost', ''],
  ])('not %s', (address) => {
    expect(isPublic(address)).toBe(false);
  });
});

describe('a target', () => {
  const refused = (host: string, ...allow: string[]) =>
    expect(allowedAddresses(host, 443, new Allowed(allow))).rejects.toBeInstanceOf(TargetRefused);

  test('inside is refused by name as by address', async () => {
    await refused('localhost');
    await refused('127.0.0.1', '127.0.0.1:444', 'localhost:443');
    await refused('::1', '10.0.0.0/8');
  });

  test('inside is allowed by its own name and port, or by its network', async () => {
    expect(await allowedAddresses('127.0.0.1', 443, new Allowed(['127.0.0.1:443']))).toHaveLength(1);
    expect(await allowedAddresses('127.0.0.1', 443, new Allowed(['127.0.0.0/8']))).toHaveLength(1);
    expect((await allowedAddresses('localhost', 443, new Allowed(['LOCALHOST:443']))).length).toBeGreaterThan(0);
    expect(new Allowed(['[::1]:25']).target('::1', 25)).toBe(true);
  });

  test('in plain text takes more than a name: what is public is no reason', () => {
    expect(new Allowed([]).target('8.8.8.8', 80)).toBe(false);
    expect(new Allowed(['8.8.8.8:80']).target('8.8.8.8', 80)).toBe(true);
  });

  test.each(['10.0.0.0/33', 'host', 'a b:1', '*:25', 'http://x:1', '999.0.0.0/8'])(
    'list with %s is refused',
    (item) => {
      expect(() => new Allowed([item])).toThrow(TypeError);
    },
  );
});

describe('a secret by reference', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-secrets-'));
    await mkdir(join(folder, 'in'));
    await writeFile(join(folder, 'in', 'key'), 'inside\n');
    await writeFile(join(folder, 'out'), 'outside\n');
    await symlink(join(folder, 'out'), join(folder, 'in', 'link'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('comes from its folder, or a variable that is meant for it, and from nowhere else', async () => {
    const secrets = new Secrets(join(folder, 'in'), { HEADGATE_NOTIFY_A: 'one', HEADGATE_DATABASE_URL: 'postgres://' });
    expect(await secrets.read({ file: 'key' })).toBe('inside');
    expect(await secrets.read({ env: 'HEADGATE_NOTIFY_A' })).toBe('one');
    for (const file of ['../out', 'link', 'none', '.', join(folder, 'out')])
      await expect(secrets.read({ file })).rejects.toThrow(/can't be read/);
    for (const env of ['HEADGATE_DATABASE_URL', 'PATH', 'HEADGATE_NOTIFY_B'])
      await expect(secrets.read({ env })).rejects.toThrow(/isn't set/);
  });

  test('that can’t sign is refused without saying what it is', () => {
    for (const secret of ['short', 'whsec_', 'not base64 at all, but long enough for it!', `whsec_${'A'.repeat(400)}`])
      expect(() => signedHeaders('msg_1', 0, '{}', [secret])).toThrow(/^a secret of the channel isn’t base64/);
  });
});
