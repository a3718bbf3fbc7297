/** What people are told who ask for a promotion and who approve it, against a real server. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RealServer } from '@headgate/server/testing/real-server';
import { DOCUMENTS, SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;

beforeAll(async () => {
  server = await RealServer.start();
  const company = await SmallCompany.found(server);
  const text = DOCUMENTS.replace('params: {count: 1}', 'params: {count: 2}');
  const manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'two.yaml', text }] } });
  await company.release('2.0.0');
  const admin = await server.client('admin');
  const { token } = await admin.call('createPrincipal', { body: { id: 'usr_mary', roles: ['approver'] } });
  await writeFile(join(server.dataDir, 'secrets', 'mary.token'), `${token}\n`, { mode: 0o600 });
}, 60_000);
afterAll(() => server?.remove());

const headgate = (...args: string[]) => ranCommand(args, { env: { HEADGATE_DATA: server.dataDir }, cwd: '/' });
const promote = (to: string) => headgate('--as', 'developer', 'promote', '2.0.0', '--to', to);

test('an approval is asked for only where one is waited for', async () => {
  const staging = await promote('staging');
  expect(staging).toMatchObject({ code: 0, out: expect.stringContaining('headgate watch prm_') });
  expect(staging.out).not.toContain('headgate approve');
  expect((await promote('production')).out).toMatch(
    /envelope sha256:[0-9a-f]{64}; somebody else, an approver, approves it: headgate --as approver approve prm_/,
  );
});

test('who approves is told how many approvals there are, and once more that theirs counts already', async () => {
  const id = /prm_\w+/.exec((await promote('production')).out)?.[0] as string;
  const approve = async (as: string) => (await headgate('--as', as, 'approve', id, '--yes')).out.split('\n').at(-2);
  expect(await approve('approver')).toMatch(
    /^approved: 1 of 2 approvals hold for \S+ \S+; still needed: 1 more approver/,
  );
  expect(await approve('approver')).toMatch(
    /^yours counts already, somebody else has to approve too: 1 of 2 approvals .*; still needed: 1 more approver/,
  );
  expect(await approve('mary')).toBe(`approved; how it goes on: headgate watch ${id}`);
});

test('a misspelt environment is told with those that there are', async () => {
  for (const command of ['plan', 'promote']) {
    const { code, out } = await headgate('--as', 'developer', command, '2.0.0', '--to', 'prodution');
    expect([code, out]).toEqual([
      3,
      expect.stringContaining('there is no environment prodution; there are production, staging'),
    ]);
    expect(out).toContain('name one of them, or declare it');
  }
});
