/** A second service beside the tutorial's: it takes neither the first one's environment nor its agent. */
import { chmod, cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Ran, Shell, writePrograms } from './programs.ts';
import { writeShop } from './shop.ts';

const DEADLINE_MS = 60_000;
let dir: string;
let elsewhere: string;
let shell: Shell;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-second-'));
  elsewhere = await mkdtemp(join(tmpdir(), 'headgate-carried-'));
  await chmod(dir, 0o755);
  for (const name of ['shop', 'blog']) await writeShop(join(dir, name));
  await writePrograms(join(dir, 'bin'));
  const { HEADGATE_SERVER: _s, HEADGATE_DATA: _d, HEADGATE_TOKEN_FILE: _t, ...env } = process.env;
  shell = new Shell(dir, { ...env, PATH: `${join(dir, 'bin')}:${env.PATH}` });
  await run('headgate-server --data .headgate --port 0 &');
  await shell.run('headgate doctor --wait 60', DEADLINE_MS);
  for (const name of ['shop', 'blog']) {
    await run(`sed -i s/shop/${name}/ ${name}/package.json`);
    await run(`headgate init ${name} --yes`);
  }
  await run('headgate setup shop');
});

afterAll(async () => {
  await shell?.close();
  for (const each of [dir, elsewhere]) if (each !== undefined) await rm(each, { recursive: true, force: true });
});

async function run(command: string): Promise<Ran> {
  const ran = await shell.run(command, DEADLINE_MS);
  if (ran.code !== 0) throw new Error(`${command}\nended with ${ran.code}:\n${ran.output}\n${await shell.said()}`);
  return ran;
}

const file = (...path: string[]) => readFile(join(dir, ...path), 'utf8');
const agentIn = async (folder: string) => parse(await file('.headgate', folder, 'agent.yaml')) as { name: string };

test('what was handed to an agent is enough where it is carried to, and is pinned there', async () => {
  const carried = join(elsewhere, 'agent');
  await cp(join(dir, '.headgate', 'agent'), carried, { recursive: true });
  await cp(join(dir, 'shop', 'headgate.yaml'), join(elsewhere, 'headgate.yaml'));
  await run(`headgate-agent enrol --handed ${carried}/handed.json --service ${elsewhere}/headgate.yaml`);
  expect(await readFile(join(carried, 'trust.yaml'), 'utf8')).toBe(await file('.headgate', 'trust.yaml'));
  const { trust } = JSON.parse((await run(`headgate-agent check --config ${carried}/agent.yaml`)).output);
  expect(trust).toMatchObject({ file: join(carried, 'trust.yaml'), signers: [{ name: 'ci' }] });
});

test('the second one has an environment and an agent of its own', async () => {
  await run('headgate-agent enrol --handed .headgate/agent/handed.json --service shop/headgate.yaml');
  const before = await Promise.all(
    ['handed.json', 'token', 'agent.yaml'].map((name) => file('.headgate', 'agent', name)),
  );
  const { output } = await run('headgate setup blog');
  expect(output).toContain('--handed .headgate/agent-blog/handed.json --service blog/headgate.yaml');
  await run('headgate-agent enrol --handed .headgate/agent-blog/handed.json --service blog/headgate.yaml');
  expect((await agentIn('agent')).name).toBe('agt_shop');
  expect(await agentIn('agent-blog')).toMatchObject({
    name: 'agt_blog',
    environments: [{ name: 'blog-production' }],
    cellFiles: [join(dir, '.headgate', 'cells', 'blog-production.json')],
  });
  const after = await Promise.all(
    ['handed.json', 'token', 'agent.yaml'].map((name) => file('.headgate', 'agent', name)),
  );
  expect(after).toEqual(before);
  expect(await file('.headgate', 'agent-blog', 'token')).not.toBe(before[1]);
});

test('setup again is the same again', async () => {
  const before = await file('.headgate', 'agent', 'handed.json');
  await run('headgate setup shop');
  expect(await file('.headgate', 'agent', 'handed.json')).toBe(before);
});

test('setup after an environment came widens the agent that is enrolled, and says what to do with it', async () => {
  const token = await file('.headgate', 'agent', 'token');
  const staging = [
    '    - name: shop-staging',
    '      database: {url: {variable: SHOP_STAGING_URL}, adminUrl: {variable: SHOP_STAGING_ADMIN_URL}}',
    '      approvals: 0',
  ];
  const service = await file('shop', 'headgate.yaml');
  await writeFile(
    join(dir, 'shop', 'headgate.yaml'),
    service.replace(/(environments:\n)/, `$1${staging.join('\n')}\n`),
  );
  const { output } = await run('headgate setup shop');
  expect(output).toMatch(/is now enrolled for shop-staging, too; its token stays/);
  expect(output).toMatch(
    /carry the folder once more, and there:\n {2}headgate-agent enrol .*\n {2}headgate-agent take-up /,
  );
  expect(await file('.headgate', 'agent', 'token')).toBe(token);
  expect((await run('headgate agent list')).output).toMatch(/agt_shop +shop-production, shop-staging/);
  await run('headgate-agent enrol --handed .headgate/agent/handed.json --service shop/headgate.yaml');
  const { environments } = JSON.parse((await run('headgate-agent check --config .headgate/agent/agent.yaml')).output);
  expect(environments.map((each: { name: string }) => each.name)).toEqual(['shop-staging', 'shop-production']);
  expect((await run('headgate setup shop')).output).not.toMatch(/too; its token stays|once more/);
});

test('setup without the token of an agent that is enrolled says what to type', async () => {
  const token = join(dir, '.headgate', 'agent', 'token');
  await rename(token, `${token}.away`);
  const refused = await shell.run('headgate setup shop', DEADLINE_MS);
  expect(refused.code).toBe(1);
  const typed = /to unblock: .*: (headgate principal rotate agt_shop --token-out \S+)/.exec(refused.output)?.[1];
  await run(String(typed));
  await run('headgate setup shop');
  expect(await readFile(token, 'utf8')).not.toBe(await readFile(`${token}.away`, 'utf8'));
});

test('an agent’s folder isn’t given to another agent, unless somebody says so', async () => {
  const enrol = 'headgate-agent enrol --handed .headgate/agent-blog/handed.json --service blog/headgate.yaml';
  const before = await file('.headgate', 'agent', 'agent.yaml');
  const refused = await shell.run(`${enrol} --data .headgate/agent`, DEADLINE_MS);
  expect(refused.code).not.toBe(0);
  expect(refused.output).toMatch(/agent\.yaml is agent agt_shop’s, and would become agt_blog’s.*--data.*--force/);
  expect(await file('.headgate', 'agent', 'agent.yaml')).toBe(before);
  await run(`${enrol} --data .headgate/agent --force`);
  expect((await agentIn('agent')).name).toBe('agt_blog');
});

test('a service that names the other one’s environment is refused, and says what would do', async () => {
  await run('sed -i s/blog-production/shop-production/ blog/headgate.yaml');
  for (const command of ['headgate apply -f blog/headgate.yaml --dry-run', 'headgate setup blog']) {
    const refused = await shell.run(command, DEADLINE_MS);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/environment shop-production is of application shop, and would become blog’s/);
    expect(refused.output).toMatch(/to unblock: choose another name .*blog-shop-production.*--take-over/);
  }
});

test('nothing is set up in the folder of a demonstration', async () => {
  const story = join(dir, '.headgate', 'story-told.json');
  await writeFile(story, '{}');
  const refused = await shell.run('headgate setup shop', DEADLINE_MS);
  await rm(story);
  expect(refused.code).toBe(1);
  expect(refused.output).toMatch(
    /\.headgate is the demonstration's \(npm start\)[\s\S]*to unblock: begin in a folder of your own/,
  );
});
