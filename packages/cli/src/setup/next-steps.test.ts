import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, ProblemError } from '@headgate/contract';
import { readService } from '@headgate/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nextSteps } from './next-steps.ts';

const SERVICE = `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec: {run: ["\${node}"], files: [server.mjs], health: /healthz, environments: [{name: shop-production}]}
`;

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'headgate-next-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** Of cells that nobody has seen yet, but for those that are given. */
async function next(running?: string, seen: Record<string, object> = {}, text = SERVICE) {
  const read = readService(text, 'headgate.yaml');
  if (!read.ok) throw new Error(read.problems[0]?.message);
  const problem = { type: '', title: '', status: 404, detail: '', instance: '', refusals: [] };
  const call = async (_route: string, { cell }: { cell: string }) => {
    if (seen[cell] === undefined) throw new ProblemError(problem);
    return seen[cell];
  };
  const client = { call } as unknown as Client;
  const handed = { file: join(cwd, '.headgate', 'agent', 'handed.json'), changed: false };
  return nextSteps({ client, cwd }, { service: read.service, file: join(cwd, 'headgate.yaml') }, handed, running);
}

test('the version of the take-up that is printed is said with who says it, and can be given', async () => {
  const nobody = await next();
  expect(nobody.commands[1]).toMatch(/--version VERSION$/);
  expect(nobody.beware).toMatch(/neither package\.json nor Git says/);
  await writeFile(join(cwd, 'package.json'), '{"version": "2.0.0-next"}');
  const said = await next();
  expect(said.commands[1]).toMatch(/^headgate-agent take-up .* --version 2\.0\.0-next$/);
  expect(said.beware).toMatch(/--version 2\.0\.0-next is what package\.json says here.*say it with --running VERSION/);
  const given = await next('1.9.3');
  expect(given.commands[1]).toMatch(/--version 1\.9\.3$/);
  expect(given.beware).toMatch(/it has to be 1\.9\.3/);
});

const TWO = SERVICE.replace('environments: [', 'environments: [{name: shop-staging}, ');
const state = (version: string) => ({
  slots: { blue: {}, green: { release: { version, digest: `sha256:${'0'.repeat(64)}` } } },
  tenants: { shop: { slot: 'green', store: 'db', ring: 'all' } },
});

test('a version that Headgate knows to run goes before the folder’s, and both are said with who says them', async () => {
  await writeFile(join(cwd, 'package.json'), '{"version": "1.0.0"}');
  const production = { desired: state('1.1.0'), observed: { state: state('1.1.0') } };
  const added = await next(undefined, { 'shop-production': production }, TWO);
  expect(added.commands.find((each) => each.includes('take-up'))).toMatch(/--version 1\.1\.0$/);
  expect(added.beware).toMatch(
    /1\.1\.0 is what Headgate knows \(1\.1\.0 runs in shop-production, and package\.json says 1\.0\.0 here\)/,
  );
  const given = await next('1.0.0', { 'shop-production': production }, TWO);
  expect(given.commands.find((each) => each.includes('take-up'))).toMatch(/--version 1\.0\.0$/);
  expect(given.beware).toMatch(/as you say .*; as far as Headgate knows 1\.1\.0 runs in shop-production/);
});

test('every cell that isn’t under control is adopted once its agent runs, and no other', async () => {
  const production = { desired: state('1.1.0'), observed: { state: state('1.1.0') } };
  const added = await next(undefined, { 'shop-production': production }, TWO);
  expect(added.commands.slice(-2)).toEqual([
    expect.stringMatching(/^headgate-agent run /),
    'headgate adopt shop-staging --wait 60',
  ]);
  const runs = { ...production, desired: null };
  const unadopted = await next(undefined, { 'shop-production': production, 'shop-staging': runs }, TWO);
  expect(unadopted.commands).toEqual(['headgate adopt shop-staging --wait 60']);
  const all = { 'shop-production': production, 'shop-staging': production };
  expect((await next(undefined, all, TWO)).commands).toEqual([]);
});
