/** What a cell's vault demands, asked of the repository in which a store's restore points lie instead. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey, signingKey } from '@headgate/documents';
import type { RestorePoint } from '@headgate/domain';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FolderStore } from '../object-store/folder-store.ts';
import type { ObjectStoreConfig } from '../object-store/object-store-config.ts';
import { type Swift, startSwift, swiftMissing } from '../object-store/testing/swift.ts';
import { CellVault } from './cell-vault.ts';
import { VaultConfig, vaultProblems } from './vault-config.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-elsewhere-'));
  for (const name of ['vault', 'repository', 'pg']) await mkdir(join(dir, name));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What becomes of a restore point whose repository this is. */
async function kept(repository: ObjectStoreConfig, demands: VaultConfig['demands']) {
  const vault = new CellVault({
    config: VaultConfig.parse({
      store: { kind: 'folder', dir: join(dir, 'vault') },
      recipients: ['age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq'],
      ...{ keyFile: join(dir, 'key.pem'), demands },
    }),
    ...{ store: new FolderStore(join(dir, 'vault')), key: signingKey(generateSigningKey().privateKeyPem) },
    ...{ stores: new Map(), partBytes: 1 },
    elsewhere: new Map([['main', { words: 'the repository', repository, clusterDir: join(dir, 'pg') }]]),
  });
  return vault.keep({ id: 'rp-1', store: 'main' } as RestorePoint, stepContext());
}

test('a folder on the store’s own disk is named, and refused where another device is demanded', async () => {
  const repository = { kind: 'folder', dir: join(dir, 'repository') } as const;
  expect(await kept(repository, [])).toEqual({
    kind: 'elsewhere',
    words: 'the repository; THAT IS ON THE STORE’S OWN DISK, and lost with it',
  });
  expect(await kept(repository, ['another-device'])).toMatchObject({
    kind: 'waits',
    why: expect.stringMatching(
      /^the repository isn't what is demanded of it: another-device: .* is on the same device/,
    ),
  });
  expect(await kept(repository, ['versioning'])).toMatchObject({
    kind: 'waits',
    why: expect.stringContaining('versioning is off'),
  });
  expect(await kept({ kind: 'folder', dir: join(dir, 'unmounted') }, ['another-device'])).toMatchObject({
    kind: 'waits',
    why: expect.stringContaining("isn't there to be compared"),
  });
});

test('drills of what lies in a vault need an identity, and those of repositories alone none', () => {
  const vault = VaultConfig.parse({
    store: { kind: 'folder', dir: '/srv/vault' },
    recipients: ['age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq'],
    ...{ keyFile: '/srv/key.pem', drill: { everyMs: 60_000 } },
  });
  expect(vaultProblems(vault, false)).toEqual([]);
  expect(vaultProblems(vault, true)).toEqual([expect.stringMatching(/^vault\.drill\.identityFile: /)]);
  expect(vaultProblems({ ...vault, drill: { identityFile: '/srv/identity.txt' } }, true)).toEqual([]);
  expect(vaultProblems(undefined, true)).toEqual([]);
});

const missing = await swiftMissing();
describe.skipIf(missing !== undefined)('an S3 bucket', () => {
  let swift: Swift;
  beforeAll(async () => {
    swift = await startSwift();
  }, 120_000);
  afterAll(() => swift?.stop());

  test('is asked for its versioning and its replication each time; what it doesn’t say is not so', async () => {
    const [on, off] = [await swift.bucket('versions', true), await swift.bucket('plain')];
    expect(await kept(on, ['versioning', 'another-device'])).toEqual({ kind: 'elsewhere', words: 'the repository' });
    expect(await kept(off, ['versioning'])).toMatchObject({
      kind: 'waits',
      why: expect.stringContaining('versioning is off'),
    });
    expect(await kept(on, ['replication'])).toMatchObject({
      kind: 'waits',
      why: expect.stringContaining('replication is'),
    });
    // Without a demand nobody asks: pgBackRest tells by itself that it doesn't answer.
    expect(await kept({ ...on, endpoint: 'http://127.0.0.1:1' }, [])).toMatchObject({ kind: 'elsewhere' });
    expect(await kept({ ...on, endpoint: 'http://127.0.0.1:1' }, ['versioning'])).toMatchObject({ kind: 'waits' });
  }, 60_000);
});
