import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFormat } from '@headgate/adapters/machine/data-format';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from './config.ts';
import { migrateConfig } from './config-version.ts';
import { AGENT_FORMAT } from './format.ts';
import { MarksFile } from './marks/marks-file.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-version-'));
});
afterEach(() => rm(dir, { recursive: true }));

const OLD = `# Our agent
server: http://127.0.0.1:7070 # the control plane
name: agent-1
tokenFile: /secrets/token
dataDir: /data
trustFile: /data/trust.yaml
environments: [{name: production}]
cellFiles: [/cells/shared.json]
`;

const problems = (file: string) => {
  const read = loadConfig(file);
  return read.ok ? [] : read.problems;
};

test('an older configuration is read, rewritten with its comments, and kept beside itself', async () => {
  const file = join(dir, 'agent.yaml');
  await writeFile(file, OLD);
  const before = problems(file);
  expect(before.join()).not.toContain('version');
  expect(await migrateConfig(file)).toEqual(['it says its version']);
  const text = await readFile(file, 'utf8');
  expect(text).toContain('# Our agent');
  expect(text).toContain('# the control plane');
  expect(text).toMatch(/^version: 1$/m);
  expect(await readFile(`${file}.format-0`, 'utf8')).toBe(OLD);
  expect(problems(file)).toEqual(before);
  expect(await migrateConfig(file)).toEqual([]);
  expect((await readdir(dir)).sort()).toEqual(['agent.yaml', 'agent.yaml.format-0']);
});

test.each([
  ['2', /agent\.yaml:1:10 version: expected a version up to 1: it was written for a newer agent.*found 2/],
  ['one', /agent\.yaml:1:10 version: expected a whole number from 0 to 1, found "one"/],
  ['-1', /version: expected a whole number/],
])('a configuration of version %s is refused in words, and left alone', async (version, words) => {
  const file = join(dir, 'agent.yaml');
  await writeFile(file, `version: ${version}\n${OLD}`);
  expect(problems(file).join('\n')).toMatch(words);
  expect(await migrateConfig(file)).toEqual([]);
  expect(await readFile(file, 'utf8')).toBe(`version: ${version}\n${OLD}`);
});

test('marks from before plans were noted are kept as they were, and go on from there', async () => {
  const marks = '{"epoch":1,"cells":{"shared":{"epoch":1,"n":7}}}\n';
  await mkdir(join(dir, 'data'));
  await writeFile(join(dir, 'data', 'high-water.json'), marks);
  const said: unknown[] = [];
  await openFormat(join(dir, 'data'), AGENT_FORMAT, (step) => said.push(step));
  expect(said).toMatchObject([{ from: 0, to: 1 }]);
  expect(await readFile(join(dir, 'data', 'high-water.json.format-0'), 'utf8')).toBe(marks);
  expect((await MarksFile.open(join(dir, 'data'))).marks).toMatchObject({ cells: { shared: { n: 7 } }, plans: {} });
});
