import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RealServer, runMain } from '../testing/real-server.ts';

let server: RealServer | undefined;
afterEach(() => server?.remove());

test('a server migrates an older data folder and says so, and refuses a newer one in words', async () => {
  server = await RealServer.start();
  expect(await readFile(join(server.dataDir, 'format.json'), 'utf8')).toBe('{"format":1}\n');
  expect(server.errors).not.toContain('was migrated');
  await server.stop();

  // As it was before there were formats, brought back by somebody whose copy forgot whose it was.
  await rm(join(server.dataDir, 'format.json'));
  const token = join(server.dataDir, 'secrets', 'admin.token');
  await chmod(token, 0o644);
  await server.start();
  expect(server.errors).toMatch(/"from":0,"to":1,.*"msg":"the data folder was migrated"/);
  expect((await stat(token)).mode & 0o777).toBe(0o600);
  expect((await (await server.client('admin')).call('whoami')).roles).toEqual(['admin']);
  await server.stop();

  await writeFile(join(server.dataDir, 'format.json'), '{"format":9}\n');
  const refused = await runMain(['--data', server.dataDir, '--port', '0']);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/has the format 9, .* up to 1: the server’s data folder was used by a newer Headgate/);
  await writeFile(join(server.dataDir, 'format.json'), '{"format":1}\n');
  await server.start();
});
