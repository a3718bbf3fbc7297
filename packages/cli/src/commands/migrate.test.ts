import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommandLine } from '../program.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-migrate-'));
});
afterEach(() => rm(dir, { recursive: true }));

const OLD = `# The cell
apiVersion: headgate/v1alpha1
kind: Cell
metadata: {name: live, owner: team-shop}
spec: {environment: production, slots: [blue, green], stores: [main]} # one store
`;

async function migrate(...args: string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const { signal: stop } = new AbortController();
  const code = await runCommandLine(['migrate', ...args], { env: {}, cwd: dir, stdin, stdout, stderr, stop });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test('files are rewritten with their comments, once, and without a server', async () => {
  await writeFile(join(dir, 'cell.yaml'), OLD);
  const dry = await migrate('cell.yaml', '--dry-run');
  expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('stores are mappings with a name') });
  expect(await readFile(join(dir, 'cell.yaml'), 'utf8')).toBe(OLD);
  expect(await migrate('cell.yaml')).toMatchObject({ code: 0, out: dry.out });
  const text = await readFile(join(dir, 'cell.yaml'), 'utf8');
  expect(text).toContain('apiVersion: headgate/v1\n');
  expect(text).toContain('# The cell');
  expect(text).toContain('# one store');
  expect(text).toMatch(/stores: \[\{ ?name: main ?\}\]/);
  expect(await migrate('cell.yaml')).toEqual({ code: 0, out: 'all of it is of today’s form\n', err: '' });
});

test('one file that can’t be migrated, and none is', async () => {
  await writeFile(join(dir, 'cell.yaml'), OLD);
  await writeFile(join(dir, 'new.yaml'), OLD.replace('v1alpha1', 'v7'));
  const refused = await migrate('cell.yaml', 'new.yaml');
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toContain('new.yaml:2:13 apiVersion');
  expect(await readFile(join(dir, 'cell.yaml'), 'utf8')).toBe(OLD);
  expect(await readdir(dir)).toEqual(['cell.yaml', 'new.yaml']);
});
